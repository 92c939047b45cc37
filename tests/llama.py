"""A tiny Llama, and a server of it on this machine's loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n"
    "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)


def build_llama(path: Path, tokenizer_of: Path) -> None:
    """A causal model with random weights, and the tokenizer of another."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_of, local_files_only=True)
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=4096,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    # So that a server draws its words, and answers come to an end of their own.
    model.generation_config.do_sample = True
    model.generation_config.exponential_decay_length_penalty = (4, 10.0)
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def served(model: Path, folder: Path, timeout: float = 60) -> Iterator[str]:
    """`transformers serve` of a model; yields its base URL.

    Args:
        model: the directory.
        folder: for its log and an empty hub cache, which it wants to exist.
        timeout: seconds until it must answer.
    """
    (folder / "hub").mkdir(parents=True, exist_ok=True)
    port = free_port()
    program = shutil.which("transformers", path=str(Path(sys.executable).parent))
    command = [program, "serve", str(model), "--device", "cpu"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with open(folder / "serve.log", "wb") as log:
        process = subprocess.Popen(
            command,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder)},
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            end = time.monotonic() + timeout
            while True:
                assert process.poll() is None, (folder / "serve.log").read_text()
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < end, (folder / "serve.log").read_text()
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
