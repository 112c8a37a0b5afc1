"""What was said in a call, as far as it was captured and the visitor may read it; and the call as a case of a golden set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import formats, source, visitor
from dashboard.formats import count, plain
from dashboard.source import Row
from errors import SuiteError
from evals import captured
from store.messages import Message, said_in

# What a page sends of one text at first; the whole of it comes on a click.
_AT_FIRST = 3_000


def draw(project: str, trace_id: str, span: Row) -> None:
    asked = {"trace_id": trace_id, "span_id": span["span_id"]}
    if not source.may("contents"):
        st.info(
            f"Your role ({plain(visitor.current().role)}) may not read what people and models wrote. An admin can give you one "
            "that may: see docs/sign-in.md.",
            icon=":material/lock:",
        )
        return
    bodies = source.read("span_contents", project, **asked)
    if bodies:
        _conversation(bodies, span)
    else:
        _nothing_captured(project)
    if span["role"] == "call":
        _golden(bodies, source.read("span_attributes", project, **asked), span)


def _conversation(bodies: Sequence[Row], span: Row) -> None:
    said = said_in(bodies)
    for place, message in enumerate((*said.asked, *said.answered)):
        _message(message, f"{span['span_id']}-{place}")
    if said.variables:
        st.caption("Filled into the prompt's template: " + plain(", ".join(said.variables)))
    others = [body for body in bodies if body["key"] not in said.keys]
    redacted = sum(body["n_redactions"] for body in bodies)
    cut = sum(body["n_cut_characters"] for body in bodies)
    st.caption(
        f"Texts captured: {count(len(bodies))}, places redacted in them: {count(redacted)}"
        + (f", characters beyond the limit, not stored: {count(cut)}" if cut else "")
        + "."
    )
    if others:
        with st.expander(f"Captured besides ({len(others)})", icon=":material/data_object:"):
            for place, body in enumerate(others):
                _text(f"{body['source']} · {body['key']}", body["body"], f"{span['span_id']}-other-{place}")


def _message(message: Message, key: str) -> None:
    _text(message.role, message.text, key)


def _text(title: str, text: str, key: str) -> None:
    whole = len(text) <= _AT_FIRST or bool(st.session_state.get(f"whole-{key}"))
    with st.container(gap=None):
        st.caption(f"**{plain(formats.shortened(title, 80))}**")
        # As code: shown as it is, whatever it holds.
        st.code(text if whole else text[:_AT_FIRST] + "…", language=None, wrap_lines=True)
        if not whole:
            st.button(
                f"All {count(len(text))} characters",
                key=f"more-{key}",
                type="tertiary",
                on_click=_show_all,
                args=(key,),
            )


def _show_all(key: str) -> None:
    st.session_state[f"whole-{key}"] = True


def _nothing_captured(project: str) -> None:
    state = source.pipeline(project)
    if state and state["captures_content"]:
        st.caption(
            "Nothing was captured of this span: its emitter sent no content (many must be told to), or it came before capture "
            "was switched on."
        )
        return
    st.caption(
        "Messages are not captured unless you say so: prompts and answers are dropped on arrival. To keep those of this "
        "project, redacted, from now on (docs/privacy.md):"
    )
    st.code(f"STEELYARD_CAPTURE_PROJECTS={project} steelyard up", language="bash")


def _golden(bodies: Sequence[Row], attributes: Sequence[Row], span: Row) -> None:
    with st.expander("Add to a golden set", icon=":material/playlist_add:"):
        try:
            made = captured.draft(span, bodies, attributes)
        except SuiteError as refused:
            st.caption(plain(str(refused)))
            return
        for note in made.notes:
            st.caption(plain(note.replace("`", "")))
        st.code(made.line, language=None, wrap_lines=True)
        st.download_button(
            "The line as a file",
            _file_of(made.line),
            file_name=f"{made.case['id']}.jsonl",
            mime="application/jsonl",
            icon=":material/download:",
            on_click="ignore",
        )
        st.caption("Or, on the machine where the golden set is:")
        st.code(f"steelyard golden add --from-span {span['span_id']} --set golden.jsonl", language="bash")


def _file_of(line: str) -> Any:
    return lambda: f"{line}\n".encode()
