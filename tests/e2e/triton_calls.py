"""Calls of NVIDIA's public client, in a process of its own: its protobuf names are those of our generated code.

python triton_calls.py FACE TARGET: for every folder that a line of standard input names, makes the calls of calls.json
over "grpc", "http", "grpc.aio" or "http.aio" with the arrays of sent.npz, writes what came back to answers.json and
answered.npz, and prints the folder. A call is {"call": method of the client, "arguments": {...}}; of an "infer" there
are "inputs", a list of [name, datatype, key in sent.npz, binary or not], and "outputs", a list of [name, binary or
not]. An answer is {"value": ...} or, of a refusal, {"status": ..., "message": ...}; arrays of call 3 are "3.NAME".
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from google.protobuf import json_format
from google.protobuf.message import Message
from tritonclient.utils import InferenceServerException


class Caller:
    """One client and what it is asked."""

    def __init__(self, face: str, target: str) -> None:
        self._module = importlib.import_module(f"tritonclient.{face}")
        self._http = face.startswith("http")
        self._client = self._module.InferenceServerClient(target)
        self._sent: dict[str, np.ndarray] = {}
        self._answered: dict[str, np.ndarray] = {}

    async def run(self, folder: Path) -> None:
        """All calls of the folder, one after the other."""
        with np.load(folder / "sent.npz", allow_pickle=True) as archive:
            self._sent, self._answered = dict(archive), {}
        calls = json.loads((folder / "calls.json").read_text())
        answers = [await self._ask(place, call) for place, call in enumerate(calls)]
        (folder / "answers.json").write_text(json.dumps(answers))
        np.savez(folder / "answered.npz", **self._answered)

    async def close(self) -> None:
        await settled(self._client.close())

    async def _ask(self, place: int, call: dict[str, Any]) -> dict[str, Any]:
        arguments = call.get("arguments", {})
        if call["call"] == "infer":
            arguments = arguments | self._tensors(call)
        if "files" in arguments:
            arguments = arguments | {"files": {name: text.encode() for name, text in arguments["files"].items()}}
        try:
            value = await settled(getattr(self._client, call["call"])(**arguments))
        except InferenceServerException as error:
            return {"status": error.status(), "message": error.message()}
        if call["call"] != "infer":
            return {"value": plain(value)}
        return {"value": self._outputs(place, value)}

    def _tensors(self, call: dict[str, Any]) -> dict[str, Any]:
        inputs = []
        for name, datatype, key, binary in call["inputs"]:
            array = self._sent[key].view(ml_dtypes.bfloat16) if datatype == "BF16" else self._sent[key]
            one = self._module.InferInput(name, list(array.shape), datatype)
            inputs.append(one.set_data_from_numpy(array, **({"binary_data": binary} if self._http else {})))
        outputs = [
            self._module.InferRequestedOutput(name, **({"binary_data": binary} if self._http else {}))
            for name, binary in call.get("outputs", [])
        ]
        return {"inputs": inputs, "outputs": outputs or None}

    def _outputs(self, place: int, result: Any) -> dict[str, Any]:
        response = plain(result.get_response())
        for output in response["outputs"]:
            array = result.as_numpy(output["name"])
            if output["datatype"] == "BF16":
                array = array.view(np.uint16)  # a file of numpy's has no such type: its bits
            elif array.dtype == object:
                texts = [text.decode() if isinstance(text, bytes) else text for text in array.ravel()]
                array = np.array(texts).reshape(array.shape)
            self._answered[f"{place}.{output['name']}"] = array
        return {key: response.get(key, "") for key in ("model_name", "model_version", "id")}


async def settled(value: Any) -> Any:
    """The clients of asyncio give coroutines, the others values."""
    return await value if inspect.isawaitable(value) else value


def plain(value: Any) -> Any:
    """JSON has no messages."""
    if isinstance(value, Message):
        return json_format.MessageToDict(value, preserving_proto_field_name=True)
    return value


async def main(face: str, target: str) -> None:
    caller = Caller(face, target)  # on the loop that it will use
    while line := await asyncio.to_thread(sys.stdin.readline):
        await caller.run(Path(line.strip()))
        print(line, end="", flush=True)
    await caller.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
