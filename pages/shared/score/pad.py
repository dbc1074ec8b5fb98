"""A pad to draw an image on: light ink on a dark ground, as in MNIST, sent as a PNG whenever the pen is lifted."""

import base64

import streamlit as st

from core.data import Framing
from core.errors import WrongRequest

DRAWING = "score_drawing"  # where a session keeps its drawing, as a data URL
PREFIX = "data:image/png;base64,"
HTML = """<div class="pad">
<canvas width="196" height="196" role="img" aria-label="Draw here with mouse, pen or finger"></canvas><i hidden></i>
</div>
<button type="button">Clear</button>
"""
# The frame marks where the images of the chosen task have their content.
CSS = """
.pad { position: relative; width: 196px; height: 196px; }
canvas { touch-action: none; cursor: crosshair; border-radius: 4px; }
i { position: absolute; border: 1px dashed #808080; pointer-events: none; }
button { margin-top: 8px; padding: 4px 12px; cursor: pointer; font: inherit; color: var(--st-text-color);
  background: var(--st-background-color); border: 1px solid var(--st-border-color); border-radius: 8px; }
"""
JS = """
export default function ({ parentElement, data, setStateValue }) {
  const canvas = parentElement.querySelector("canvas"), pen = canvas.getContext("2d");
  const frame = parentElement.querySelector("i");
  frame.hidden = !data.guide;
  if (data.guide) frame.style.inset = data.guide.map((share) => `${100 * share}%`).join(" ");
  const blank = () => { pen.fillStyle = "black"; pen.fillRect(0, 0, canvas.width, canvas.height); };
  if (!canvas.dataset.ready) {  // this function runs again after every change
    canvas.dataset.ready = "yes";
    blank();
    if (data.drawing) {
      const kept = new Image();
      kept.onload = () => pen.drawImage(kept, 0, 0);
      kept.src = data.drawing;
    }
  }
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top].map((far) => far * canvas.width / box.width);
  };
  let from = null;
  const draw = (to) => {
    Object.assign(pen, { strokeStyle: "white", lineWidth: 16, lineCap: "round", lineJoin: "round" });
    pen.beginPath(); pen.moveTo(...from); pen.lineTo(...to); pen.stroke();
    from = to;
  };
  canvas.onpointerdown = (event) => { canvas.setPointerCapture(event.pointerId); from = at(event); draw(from); };
  canvas.onpointermove = (event) => { if (from) draw(at(event)); };
  canvas.onpointerup = canvas.onpointercancel = () => {
    if (from) setStateValue("drawing", canvas.toDataURL("image/png"));
    from = null;
  };
  parentElement.querySelector("button").onclick = () => { blank(); setStateValue("drawing", ""); };
}
"""
_component = st.components.v2.component("drawing_pad", html=HTML, css=CSS, js=JS)


def draw(key: str, framing: Framing | None = None) -> bytes:
    """The pad, and the drawing as a PNG; empty until somebody draws.

    framing: where the content of a task's images lies, which a dashed frame shows.
    The drawing outlives a visit to another page. What comes back is a stranger's file, to be decoded like an upload.
    Raises WrongRequest for what is no data URL of a PNG.
    """

    def keep() -> None:
        st.session_state[DRAWING] = st.session_state[key].drawing

    kept = st.session_state.get(DRAWING) or ""
    _component(key=key, data={"drawing": kept, "guide": guide(framing)}, on_drawing_change=keep, width=200, height=244)
    return content(kept)


def guide(framing: Framing | None) -> list[float] | None:
    """How far the frame lies from the pad's edges, as shares: top, right, bottom, left."""
    if framing is None:
        return None
    return [framing.top, 1 - framing.right, 1 - framing.bottom, framing.left]


def content(url: str) -> bytes:
    """The bytes of a PNG's data URL, empty for an empty text.  Raises WrongRequest."""
    if not url:
        return b""
    try:
        if not url.startswith(PREFIX):
            raise ValueError
        return base64.b64decode(url.removeprefix(PREFIX), validate=True)
    except ValueError:  # also of what is no base64
        raise WrongRequest("The drawing did not arrive as an image. Clear the pad and draw again.") from None
