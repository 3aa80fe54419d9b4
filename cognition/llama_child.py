"""The model child: one GGUF in llama.cpp behind JSON lines on stdin and stdout. Started by `cognition.llama`.

It is a process of its own because a crash of native code must not be a crash of cognition, and because
the only way to stop a completion is to end who computes it. It ends when its stdin does.

    python -m cognition.llama_child WEIGHTS THREADS
    ← {"ready": true}                           or {"error": "…"} and the end
    → {"id": 1, "prompt": "…", "schema": {…}}
    ← {"id": 1, "text": "…"}                    or {"id": 1, "error": "…"}
"""

import json
import os
import queue
import sys
import threading
from typing import Any, BinaryIO

CONTEXT_TOKENS = 2048
ANSWER_TOKENS = 256


def main() -> None:
    """Load, then answer until stdin ends."""
    answers = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, and native code may write to fd 1
        os.dup2(nowhere.fileno(), 1)
    questions: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(questions,), daemon=True).start()
    try:
        server = _load(sys.argv[1], int(sys.argv[2]))
        _complete(server, {"prompt": "", "schema": {"enum": [""]}})  # the first grammar takes seconds
    except Exception as error:
        _say(answers, {"error": f"{type(error).__name__}: {error}"})
        os._exit(1)  # an orderly end would wait for the thread that reads stdin
    _say(answers, {"ready": True})
    while True:
        question = json.loads(questions.get())
        try:
            answer = {"text": _complete(server, question)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        _say(answers, {"id": question["id"], **answer})


def _listen(questions: "queue.SimpleQueue[bytes]") -> None:
    """Pass lines on. At their end the parent is gone, whatever is being computed."""
    for line in sys.stdin.buffer:
        questions.put(line)
    os._exit(0)


def _load(weights: str, threads: int) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.cpuparams.n_threads = threads
    params.warmup = False
    return xllamacpp.Server(params)


def _complete(server: Any, question: dict[str, Any]) -> str:
    answer = server.handle_completions(
        {
            "prompt": question["prompt"],
            "json_schema": question["schema"],
            "n_predict": ANSWER_TOKENS,
            "temperature": 0,
            "cache_prompt": True,
        }
    )
    if "error" in answer:
        raise ValueError(answer["error"].get("message", "llama.cpp refused"))
    return str(answer["choices"][0]["text"])


def _say(answers: BinaryIO, line: dict[str, Any]) -> None:
    answers.write(json.dumps(line).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
