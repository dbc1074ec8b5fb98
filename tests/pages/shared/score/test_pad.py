import base64
import io

import pytest
from PIL import Image

from core.data import Framing
from core.errors import WrongRequest
from pages.shared.score import pad


def test_a_drawing_arrives_as_the_png_that_it_is():
    png = io.BytesIO()
    Image.new("RGB", (28, 28)).save(png, format="PNG")
    assert pad.content(pad.PREFIX + base64.b64encode(png.getvalue()).decode()) == png.getvalue()
    assert pad.content("") == b""


@pytest.mark.parametrize("url", ["data:text/html;base64,PGI+", pad.PREFIX + "not base64", "https://example.org/a.png"])
def test_what_is_no_drawing_is_refused_in_one_sentence(url):
    with pytest.raises(WrongRequest, match="Clear the pad and draw again"):
        pad.content(url)


def test_the_guide_lies_where_the_images_of_the_task_have_their_content():
    digits_of_mnist = Framing(4 / 28, 24 / 28, 6 / 28, 21 / 28, 20 / 28, 0.7, 0.72)
    assert pad.guide(digits_of_mnist) == pytest.approx([4 / 28, 7 / 28, 4 / 28, 6 / 28])
    assert pad.guide(None) is None
