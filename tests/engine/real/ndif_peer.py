"""A small NDIF server: ndif 0.1.2's own check of versions, schema of requests and executor behind a few routes, without
Ray, Redis, an object store or a GPU. ndif_peer.py PORT; a request names its model by a directory.

PEER_KEYS=a,b has it ask for one of these keys.
"""

import asyncio
import io
import json
import os
import sys
import threading
import traceback
import uuid
from importlib.metadata import distributions

import torch
import uvicorn
from fastapi import FastAPI, File, Form, Header, HTTPException, Response, UploadFile, WebSocket
from ndif.services.api.versioning import validate_client_versions
from ndif.services.ray.deployments.modeling.nns import block_scope, execute_traced_block, prepare_traced_block
from nnsight.modeling.huggingface import HuggingFaceModel
from nnsight.schema.request import RequestModel
from nnsight.schema.response import ResponseModel, Status

port = int(sys.argv[1])
keys = {key for key in os.environ.get("PEER_KEYS", "").split(",") if key}
models, sessions, responses, results, one_at_a_time = {}, {}, {}, {}, threading.Lock()
app = FastAPI()


def loaded(key):
    if key not in models:
        models[key] = HuggingFaceModel.from_model_key(key, dispatch=True, dtype="float32", device="cpu")
        models[key]._module.requires_grad_(False)
    return models[key]


@app.get("/ping")
async def ping():
    return "pong"


@app.get("/env")
async def env():
    return {"python_version": sys.version, "packages": {d.metadata["Name"]: d.version for d in distributions()}}


@app.websocket("/subscribe")
async def subscribe(socket: WebSocket):
    await socket.accept()
    name, queue = uuid.uuid4().hex, asyncio.Queue()
    sessions[name] = (asyncio.get_running_loop(), queue)
    await socket.send_json({"session_id": name})
    while True:
        await socket.send_text(await queue.get())


@app.get("/response/{request}")
async def response(request: str):
    if request not in responses:
        raise HTTPException(404, f"No response for request {request}.")
    return Response(responses[request], media_type="application/json")


@app.get("/result/{request}")
async def result(request: str):
    return Response(results[request], media_type="application/octet-stream")


@app.post("/request")
async def request(
    data: str = Form(...),
    blob: UploadFile = File(...),
    nnsight_version: str = Header(None),
    python_version: str = Header(None),
    key: str = Header(None, alias="ndif-api-key"),
):
    validate_client_versions(nnsight_version, python_version)
    if keys and not key:
        raise HTTPException(401, "Missing or invalid API key.")
    if keys and key not in keys:
        raise HTTPException(403, "Invalid API key.")
    try:
        envelope = RequestModel.model_validate_json(data)
    except ValueError as e:
        raise HTTPException(422, str(e))
    payload, name = await blob.read(), uuid.uuid4().hex
    threading.Thread(target=run, args=(name, envelope, payload), daemon=True).start()
    received = ResponseModel(id=name, status=Status.RECEIVED, description="Received.")
    return json.loads(received.model_dump_json())


def run(name, envelope, payload):
    def say(status, description="", where=None):
        text = ResponseModel(id=name, status=status, description=description, data=where).model_dump_json()
        if envelope.session_id:
            loop, queue = sessions[envelope.session_id]
            loop.call_soon_threadsafe(queue.put_nowait, text)
        else:
            responses[name] = text

    with one_at_a_time:
        try:
            say(Status.RUNNING, "Running.")
            with block_scope():
                model = loaded(envelope.model_key)
                model._remoteable_set_env(envelope.env)
                block, _ = prepare_traced_block(model, payload, envelope.compress, RequestModel.deserialize)
                saved = execute_traced_block(block, torch.float32)
            archive = io.BytesIO()
            torch.save(saved, archive)
            results[name] = archive.getvalue()
            if envelope.compress:
                import zstandard

                results[name] = zstandard.ZstdCompressor(level=3).compress(results[name])
            say(Status.COMPLETED, "Completed.", f"http://127.0.0.1:{port}/result/{name}")
        except Exception as e:
            say(Status.ERROR, "".join(traceback.format_exception(e)))


uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
