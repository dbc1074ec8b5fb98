"""What a person reads on a page, and the buttons there."""

from streamlit.testing.v1 import AppTest


def words(app: AppTest) -> str:
    """All sentences of a page, without the marks of Markdown that keep text as it stands."""
    shown = (*app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.success)
    progress = [each.proto.text for each in app.get("progress")]
    return "\n".join([*(each.value for each in shown), *progress]).replace("\\", "")


def buttons(app: AppTest) -> list[str]:
    """The labels of the page's buttons."""
    return [each.label for each in app.main.button]


def button(app: AppTest, label: str, first: bool = False):
    """The one button of this label, or the first of several."""
    found = [each for each in app.main.button if each.label == label]
    assert found and (first or len(found) == 1), buttons(app)
    return found[0]
