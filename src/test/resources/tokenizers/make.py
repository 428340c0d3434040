# Makes the folders beside it with transformers: GPT-J models of three kinds of tokenizer that are not GPT-2's, and in
# expected.json what transformers reads texts as and computes. Run it in this folder.
import json

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, GPTJConfig, GPTJForCausalLM, PreTrainedTokenizerFast

TEXTS = ["", " ", "\n\t  \n", "Hello world", "  two spaces  and end ", "It's what they'd said: don't, I'M",
         "public static void main(String[] args) {\n\treturn 0;\n}\n", "x1y22z333 4,444.55e-3", "Größe, naïve, e\u0301",
         "Съешь ещё этих булок", "日本語のテキスト、한국어 文", "هذا نص עברית हिन्दी ไทย", "👩‍👩‍👧‍👦🏳️‍🌈👍🏽 𝒳𐍈",
         "\u00a0\u2003\u3000\u200b\ufeff.", "\x00\x01\x7f\x85", "a\r\nb\rc", "a" * 300, "=" * 100, "▁ ## Ġ <0x41>"]
TAGGED = ["one</s>two", "one <|endoftext|> two", "</s></s>", "a<unk> [UNK] b [SEP]c"]
CORPUS = ["The quick brown fox jumps over the lazy dog, said the man: don't!",
          "public static int count(String text) { return text.length() + 1; }",
          "for (int i = 0; i < n; i++) { sum += values[i] * 2.5; } // Größe naïve",
          "Call me Ishmael. Some years ago, never mind how long precisely, having little or no money"] * 5


def bpe():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_tokens(["    ", "\t\t"])
    return tokenizer, "<|endoftext|>"


def unigram():
    pieces = trainers.UnigramTrainer(vocab_size=120, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>")
    trained = Tokenizer(models.Unigram())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.train_from_iterator(CORPUS, pieces)
    vocab = json.loads(trained.to_str())["model"]["vocab"]
    vocab = [tuple(piece) for piece in vocab] + [(f"<0x{byte:02X}>", -20.0) for byte in range(256)]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=0, byte_fallback=True))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer, "</s>"


def wordpiece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=220, special_tokens=["[UNK]", "[SEP]"]))
    tokenizer.enable_truncation(8)
    return tokenizer, "[SEP]"


for make in (bpe, unigram, wordpiece):
    tokenizer, end = make()
    folder = make.__name__
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end, clean_up_tokenization_spaces=False,
                            ).save_pretrained(folder)
    torch.manual_seed(5)
    size = tokenizer.get_vocab_size()
    config = GPTJConfig(vocab_size=size + 3, n_positions=32, n_embd=16, n_layer=1, n_head=2, rotary_dim=4,
                        bos_token_id=tokenizer.token_to_id(end), eos_token_id=tokenizer.token_to_id(end),
                        initializer_range=0.3, attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0)
    GPTJForCausalLM(config).save_pretrained(folder)

    read = AutoTokenizer.from_pretrained(folder)
    ids = [read(text, add_special_tokens=False)["input_ids"] for text in TEXTS + TAGGED]
    prompt = next(i for i in ids if 8 < len(i) <= 32)
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(folder)(torch.tensor([prompt])).logits[0, -1]
    with open(f"{folder}/expected.json", "w") as file:
        json.dump({"texts": TEXTS, "tagged": TAGGED, "ids": ids[:len(TEXTS)], "taggedIds": ids[len(TEXTS):],
                   "decoded": [read.decode(i) for i in ids[:len(TEXTS)]], "prompt": prompt,
                   "logits": logits.tolist()}, file, indent=None, separators=(",", ":"))
