"""Writes a language model with random weights: ``python tiny_model.py PATH``, in an environment that has ``gguf``.

It has one layer, knows bytes and a few words, and talks nonsense, but it is a model as any other to the engine that
runs it.
"""

from __future__ import annotations

import sys

import gguf
import numpy

EMBEDDING, HEADS, FORWARD, LAYERS, CONTEXT = 64, 4, 128, 1, 512
WORDS = ["\u2581the", "\u2581a", "\u2581model", "\u2581says", "\u2581nothing", "\u2581of", "\u2581note", ".", ",", "\n"]
TOKENS = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *WORDS]
TEMPLATE = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant:"


def main(path: str) -> None:
    random = numpy.random.default_rng(6)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(EMBEDDING)
    writer.add_feed_forward_length(FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(EMBEDDING // HEADS)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([0.0] * len(TOKENS))
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    kinds += [gguf.TokenType.BYTE] * 256 + [gguf.TokenType.NORMAL] * len(WORDS)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    shapes = {"token_embd.weight": (len(TOKENS), EMBEDDING), "output.weight": (len(TOKENS), EMBEDDING)}
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        shapes[f"blk.0.{name}.weight"] = (EMBEDDING, EMBEDDING)
    shapes |= {"blk.0.ffn_gate.weight": (FORWARD, EMBEDDING), "blk.0.ffn_up.weight": (FORWARD, EMBEDDING)}
    shapes["blk.0.ffn_down.weight"] = (EMBEDDING, FORWARD)
    for name, shape in shapes.items():
        writer.add_tensor(name, random.standard_normal(shape).astype(numpy.float32))
    for name in ("output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"):
        writer.add_tensor(name, numpy.ones(EMBEDDING, dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1])
