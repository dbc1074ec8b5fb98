"""The way into a page of the app, as its tests go."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

ENTRY = str(Path(__file__).parents[2] / "streamlit_app.py")


def opened(name: str, **query: str | list[str]) -> AppTest:
    """A page, opened through the entry script with a query, drawn without an exception."""
    app = AppTest.from_file(ENTRY, default_timeout=60).run().switch_page(f"pages/{name}.py")
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app
