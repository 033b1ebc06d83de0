"""One place where ONNX Runtime is started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from winnow.errors import BundleError

if TYPE_CHECKING:
    import onnxruntime


def open_session(graph: bytes, name: str, threads: int = 1) -> onnxruntime.InferenceSession:
    """An inference session on the CPU.

    graph: the ONNX file's bytes; name: for errors; threads: more than one pays only for large windows, never for single
    frames. Raises BundleError when the graph cannot be loaded.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exception classes are not public
        raise BundleError(f"{name}: ONNX Runtime cannot load the graph ({first_line(error)}).") from None


def first_line(error: Any) -> str:
    """The first line of an exception's message, at most 160 characters."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:160]
