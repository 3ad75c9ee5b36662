"""A model's folder to a model: load it as a sentence model to be trained, or as an encoder to be judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from bench.cards.candidate import AS_IT_IS, Precision, Use
from bench.cards.recipes import Pooling
from bench.digests import counts, folder_files
from bench.errors import STOPS, ModelError, first_line
from bench.models.architectures import transformer_folder
from bench.models.encoders import INT8_ROWS, Encoder, Progress, SentenceEncoder
from bench.models.lexical import FILE as LEXICAL_FILE
from bench.models.lexical import LexicalEncoder
from bench.models.pooling import replace_pooling
from bench.models.precision import loading_arguments, treat
from bench.models.pruning import drop_pooler
from bench.models.soundness import check_folder, read_json
from bench.models.weights import check_modules, strict_loading

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def load_sentence_model(folder: Path, *, pooling: Pooling | None = None) -> SentenceTransformer:
    """A folder as a sentence model in fp32 on the CPU; its longest input is never more than it has positions for.

    Args:
        folder: A sentence-transformers folder, or a plain transformers one, which gets a pooling layer.
        pooling: Replaces the pooling of a sentence-transformers folder; `mean` by default for a plain one.

    Raises:
        ModelError: The folder cannot be loaded, or its weights or its tokenizer are not whole.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling as PoolingModule
    from sentence_transformers.sentence_transformer.modules import Transformer

    def build() -> SentenceTransformer:
        if (folder / "modules.json").is_file():
            return SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32}, local_files_only=True)
        transformer = Transformer(str(folder), model_kwargs={"dtype": torch.float32, "local_files_only": True})
        module = PoolingModule(transformer.get_embedding_dimension(), pooling_mode=pooling or "mean")
        return SentenceTransformer(modules=[transformer, module], device="cpu")

    model = _checked(folder, build)
    if pooling is not None and (folder / "modules.json").is_file():
        replace_pooling(model, pooling, folder)
    drop_pooler(model[0].auto_model)
    model[0].auto_model.config.dtype = torch.float32  # a base stored in fp16 must not make the checkpoint reload in fp16
    return model


def load_encoder(
    folder: Path,
    *,
    prompt: str | None = None,
    precision: Precision | None = "fp32",
    device: str = "cpu",
    progress: Progress = lambda _: None,
    use: Use = AS_IT_IS,
) -> Encoder:
    """The encoder stored in a checkpoint folder.

    A lexical encoder has no weights and no precision.

    Args:
        folder: A sentence-transformers folder, a plain transformers one, or a lexical one.
        prompt: Put before every text; None for the folder's own prompts, "" for none.
        precision: `int8` quantizes the linear layers dynamically: weights once, to 8 bits, activations batch by batch; embeddings and norms stay fp32. None for
            that in which the weights are stored, as sentence-transformers and mteb load them.
        device: `cpu`, `cuda` or `cuda:i`.
        progress: Called with the finished fraction of what is encoded.
        use: Tokens of a text at most, and whether code in the folder may run. PyTorch computes, whatever it says of that.

    Raises:
        ModelError: The folder cannot be loaded, its weights or its tokenizer are not whole, the precision is not to be had on the device or for the model, or
            it takes shorter texts than asked for.
    """
    if (folder / LEXICAL_FILE).is_file():
        return LexicalEncoder.load(folder)
    from sentence_transformers import SentenceTransformer

    if precision == "int8" and device != "cpu":
        raise ModelError(f"precision int8 runs on the CPU only (got device {device}); use bf16 or fp16")
    arguments = loading_arguments(precision)
    trusted = use.trust_remote_code

    def build() -> SentenceTransformer:
        return SentenceTransformer(str(folder), device=device, model_kwargs=arguments, local_files_only=True, trust_remote_code=trusted)

    model = _checked(folder, build, trust_remote_code=trusted)
    _shorten(folder, model, use.max_length)
    rows = INT8_ROWS if precision == "int8" else None
    return SentenceEncoder(treat(model, precision, folder), prompt=prompt, max_rows=rows, progress=progress)


def load_exported(folder: Path, *, prompt: str | None = None, progress: Progress = lambda _: None) -> SentenceEncoder:
    """The encoder of a folder that `bench.models.exporting` has written; it computes with the folder's own backend.

    Only for such folders: the class of the first module is one of ours, which sentence-transformers imports for folders only whose code it is told to trust.

    Args:
        folder: What was written.
        prompt: As in `load_encoder`.
        progress: As in `load_encoder`.
    """
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, trust_remote_code=True)
    return SentenceEncoder(model, prompt=prompt, progress=progress)


def load_to_run(folder: Path, *, prompt: str | None, precision: Precision | None, device: str, use: Use, progress: Progress = lambda _: None) -> Encoder:
    """What a candidate is judged and timed by: its checkpoint, or where its card names another backend the folder that was exported for that.

    Args:
        folder: The one of the two that `use.backend` asks for.
        prompt: As in `load_encoder`.
        precision: As in `load_encoder`; other backends compute in fp32.
        device: As in `load_encoder`; other backends run on the CPU.
        use: How the candidate is run.
        progress: As in `load_encoder`.

    Raises:
        ModelError: As `load_encoder`.
    """
    if use.backend != "torch":
        return load_exported(folder, prompt=prompt, progress=progress)
    return load_encoder(folder, prompt=prompt, precision=precision, device=device, progress=progress, use=use)


def _checked(folder: Path, build: Callable[[], SentenceTransformer], *, trust_remote_code: bool = False) -> SentenceTransformer:
    """Every model comes from its folder through here: loaded, checked, and made fit to encode text of any length."""
    check_folder(folder, trust_remote_code=trust_remote_code)
    _check_references(folder)
    with strict_loading() as loaded:
        try:
            model = build()
        except (ModelError, *STOPS):
            raise
        except BaseException as error:  # what the libraries raise on a broken folder is of many classes, and listed nowhere; a panic in Rust is no Exception
            raise ModelError(f"{folder}: cannot be loaded: {_told(error)}") from error
    check_modules(folder, model, loaded)
    check_tokenizer_files(folder, getattr(model, "tokenizer", None))  # a list of modules that begins with no transformer has none
    _check_tokens(folder, model)
    _fit_lengths(folder, model)
    return model


def _told(error: BaseException) -> str:
    """The first line of an error, with the next one where that is a heading only."""
    if isinstance(error, KeyError):
        return f"it asks for {error}, which there is not"
    first, *more = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return f"{first} {more[0]}" if first.endswith(":") and more else first


def _check_references(folder: Path) -> None:
    """Refuse a folder whose files make a loader read what is not part of the folder's digest."""
    if (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder}: holds an adapter, whose base lies elsewhere; merge the two (peft: merge_and_unload) and save them as one model")
    for file, field, named, is_folder in _references(folder):
        place = PurePosixPath(named, "file") if is_folder else PurePosixPath(named)
        if place.is_absolute() or ".." in place.parts or not counts(place):
            raise ModelError(f"{file}: {field} {named!r} is no part of the model's content digest; put what it names into the folder under a plain name")


def _references(folder: Path) -> Iterator[tuple[Path, str, str, bool]]:
    """What the configuration files of a folder name to be loaded: the file that names it, the field, the place, and whether that is a folder."""
    for file in folder_files(folder):
        if file.name in {"modules.json", "router_config.json"} or file.name.endswith(".index.json") or file.match("sentence_*_config.json"):
            try:
                content = read_json(file)
                if file.name == "modules.json":
                    yield from ((file, "path", entry["path"], True) for entry in content)
                elif file.name == "router_config.json":
                    yield from ((file, "types", name, True) for name in content.get("types", {}))
                elif file.name.endswith(".index.json"):
                    yield from ((file, "weight_map", name, False) for name in sorted(set(content.get("weight_map", {}).values())))
                elif content.get("tokenizer_name_or_path"):
                    yield file, "tokenizer_name_or_path", f"/{content['tokenizer_name_or_path']}", True
            except (LookupError, TypeError, AttributeError) as error:
                raise ModelError(f"{file}: cannot be read: {first_line(error)}") from None


def check_tokenizer_files(folder: Path, tokenizer: Any) -> None:
    """Refuse a model whose folder holds no vocabulary: transformers then makes a tokenizer that knows no word, and every text is the same unknown tokens.

    Args:
        folder: The model's folder.
        tokenizer: As it was loaded from it. One that names no files, like a tokenizer of bytes, needs none.

    Raises:
        ModelError: Files of the vocabulary are missing.
    """
    if tokenizer is None:
        raise ModelError(f"{folder}: has no tokenizer for text")
    names = dict(getattr(tokenizer, "vocab_files_names", {}))
    if not names:
        return
    place = transformer_folder(folder)
    there = {path.name for path in (folder_files(place) if (place / "router_config.json").is_file() else place.iterdir()) if path.is_file()}
    fast = names.pop("tokenizer_file", "tokenizer.json")
    missing = [name for name in names.values() if name not in there]
    if fast not in there and (missing or not names):
        either = f", or {' and '.join(missing)}" if missing else ""
        raise ModelError(f"{place}: the tokenizer's vocabulary is missing (expected {fast}{either}); copy it from where the model comes from")


def _check_tokens(folder: Path, model: SentenceTransformer) -> None:
    """Refuse a transformer whose tokenizer gives tokens that it has no embedding for: the first text that holds one would end the run."""
    transformer = getattr(model[0], "auto_model", None)
    table = None if transformer is None else transformer.get_input_embeddings()
    vocabulary: dict[str, int] = getattr(model.tokenizer, "get_vocab", dict)()
    rows = getattr(table, "num_embeddings", None)
    if rows is not None and vocabulary and (highest := max(vocabulary.values())) >= rows:
        token = next(token for token, number in vocabulary.items() if number == highest)
        raise ModelError(
            f"{folder}: the weights have embeddings for {rows:,} tokens, the tokenizer has numbers up to {highest:,} ({token!r}); they do not belong together: "
            "get the folder anew, or make the model's embeddings as many (resize_token_embeddings) and save it"
        )


def _fit_lengths(folder: Path, model: SentenceTransformer) -> None:
    """Cut texts to what the model has positions for, and let texts of different lengths stand in one batch."""
    transformer = getattr(model[0], "auto_model", None)
    if transformer is None:
        return
    length: Any = model.max_seq_length
    if length is not None and (not isinstance(length, int | float) or length < 1):
        raise ModelError(
            f"{folder}: texts are cut to {length!r} tokens; expected a whole number above 0 as max_seq_length in sentence_bert_config.json or "
            "as model_max_length in tokenizer_config.json"
        )
    if model.tokenizer.pad_token is None:
        model.tokenizer.pad_token = model.tokenizer.eos_token  # GPT-2 was trained without padding; it is masked, so that any token will do
    limits = [limit for limit in (_positions(transformer), length) if limit]
    if limits:
        model.max_seq_length = min(limits)


def _shorten(folder: Path, model: SentenceTransformer, length: int | None) -> None:
    """Cut texts to what a card says."""
    if length is None:
        return
    most: Any = model.max_seq_length
    if not hasattr(model.tokenizer, "model_max_length"):
        raise ModelError(f"{folder}: max_length cannot be had: the model has no tokenizer that cuts texts; leave it out")
    if most is not None and length > most:
        raise ModelError(f"{folder}: max_length must be at most {most}, the tokens that the model takes (got {length})")
    model.max_seq_length = length


def _positions(transformer: Any) -> int | None:
    """How many tokens a transformer has position embeddings for; None where it needs none.

    RoBERTa and MPNet leave the first ones, up to that of padding, unused.
    """
    positions = getattr(transformer.config, "max_position_embeddings", None)
    if positions is None or positions <= 0:
        return None
    table = getattr(getattr(transformer, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    return int(positions) - (0 if padding is None else padding + 1)
