"""Cards: what is wrong in one is told with file, line, field, what was found and what was probably meant, everything in one go."""

import re
import shutil
from pathlib import Path

import pytest

from bench.cards.lines import line_of
from bench.cards.load import load_library, pick
from bench.cards.tasks import BOARD_COLUMNS
from bench.cards.workspace import Workspace
from bench.errors import CardError, SelectionError
from tests.builders import STS_CARD, SUITE_CARD, write_workspace

ROOT = Path(__file__).parents[2]
HUB_SOURCE = 'hub = "owner/set"\nrevision = "0123456789012345678901234567890123456789"'
PUBLISHED = f'repository = "owner/data"\ncommit = "{"0" * 40}"\npath = "a.tsv"'
FULL = '[[candidates]]\nname = "m"\nkind = "full"\nbase = "mini"\nrecipe = "short"\n'
PRUNED = '[[candidates]]\nname = "m-small"\nkind = "pruned"\nbase = "mini"\nrecipe = "short"\n'
OVER = PRUNED + 'strategy = "contribution"\n'
CLASSIFICATION_CARD = STS_CARD.replace("TinySTS", "Topics").replace('"STS"', '"Classification"\nlabels = { a = 0 }')
KNN_CARD = 'name = "Topics-kNN"\ntype = "Classification"\ndescription = "d"\nlicense = "l"\nclassifier = "knn"\nneighbours = 3\ndata = "Topics"\n'


def problems_of(workspace):
    with pytest.raises(CardError) as caught:
        load_library(workspace)
    return caught.value.problems


def edited(card, old, new):
    assert old in card
    return card.replace(old, new, 1)


def only_problem(workspace):
    problems = problems_of(workspace)
    assert len(problems) == 1, "\n".join(map(str, problems))
    return problems[0]


def test_cards_without_a_mistake_load(tmp_path):
    library = load_library(write_workspace(tmp_path))
    assert next(iter(library.tasks)) == "TinySTS"
    assert [candidate.name for candidate in library.candidates["tiny"]] == ["chars"]


def rewritten_card(data="TinySTS", rule="digits"):
    return f'name = "TinySTS-rewritten"\ntype = "STS"\ndescription = "d"\nlicense = "l"\ndata = "{data}"\nperturbation = "{rule}"\n'


TASK_MISTAKES = {
    # id: (what the right card says, what the wrong one says, the line that the message must name, the field, essential parts of the message)
    "unknown field": ("license", "licence = 'x'\nlicense", "licence = 'x'", "licence", ["unknown", "'license'"]),
    "unknown field of a source": ('file = "train', 'fil = "x"\nfile = "train', 'fil = "x"', "subsets.mr.sources.0.fil", ["unknown", "'file'"]),
    "unknown field of a second source": ('file = "test', 'fil = "x"\nfile = "test', 'fil = "x"', "subsets.mr.sources.1.fil", ["unknown", "'file'"]),
    "unknown field of a subset": ("languages", "langage = 1\nlanguages", "langage = 1", "subsets.mr.langage", ["unknown", "'languages'"]),
    "wrong type name": ('type = "STS"', 'type = "STSs"', 'type = "STSs"', "type", ["'Classification'", "'STSs'", "did you mean 'STS'"]),
    "wrong language code": ("mar-Deva", "mr", 'languages = ["mr"]', "subsets.mr.languages.0", ["'mr'"]),
    "no language": ('["mar-Deva"]', "[]", "languages = []", "subsets.mr.languages", ["at least 1", "[]"]),
    "missing name": ('name = "TinySTS"\n', "", 'type = "STS"', "name", ["missing"]),
    "missing languages": ('languages = ["mar-Deva"]\n', "", "[subsets.mr]", "subsets.mr.languages", ["missing"]),
    "name with a blank": ("TinySTS", "Tiny STS", 'name = "Tiny STS"', "name", ["'Tiny STS'"]),
    "empty licence": ("cc-by-4.0", "", 'license = ""', "license", ["''"]),
    "broken TOML": ('type = "STS"', 'type = "STS', 'type = "STS', "TOML", ["line 2"]),
    "a key given twice": ("type =", 'name = "X"\ntype =', 'name = "X"', "TOML", ["line 2"]),
    "two sources in one": ('file = "test', 'hub = "a/b"\nfile = "test', None, "subsets.mr.sources.1", ["exactly one", "file, hub"]),
    "no source in one": ('file = "test.tsv"\n', "", None, "subsets.mr.sources.1", ["exactly one", "none"]),
    "unpinned Hub data set": ('file = "test.tsv"', 'hub = "owner/set"', None, "subsets.mr.sources.1", ["Hub", "revision"]),
    "published file without its sum": ('file = "test.tsv"', PUBLISHED, None, "subsets.mr.sources.1", ["sha256"]),
    "sum of the wrong length": ('file = "test', 'sha256 = "abc"\nfile = "test', 'sha256 = "abc"', "subsets.mr.sources.1.sha256", ["'abc'"]),
    "wrong main score": ("type =", 'main_score = "cosine_sperman"\ntype =', 'main_score = "cosine_sperman"', "main_score", ["STS", "'cosine_spearman'"]),
    "main score of another type": ("type =", 'main_score = "accuracy"\ntype =', 'main_score = "accuracy"', "main_score", ["'accuracy'", "STS"]),
    "range upside down": ("type =", "score_range = [5, 0]\ntype =", "score_range = [5, 0]", "score_range", ["lowest", "[5.0, 0.0]"]),
    "no subsets": (STS_CARD[STS_CARD.index("[subsets.mr]") :], "", 'name = "TinySTS"', "subsets", ["[subsets.NAME]", "data"]),
    "column of another type": (
        '"]\n',
        '"]\ncolumns = { sentense1 = "a" }\n',
        'columns = { sentense1 = "a" }',
        "subsets.mr.columns.sentense1",
        ["STS", "'sentence1'"],
    ),
    "unknown rule": ("[subsets.mr]", '[[rules]]\nrule = "drop-lable"\n[subsets.mr]', 'rule = "drop-lable"', "rules.0.rule", ["did you mean 'drop-label'"]),
    "rule without values": ("[subsets.mr]", '[[rules]]\nrule = "drop-label"\n[subsets.mr]', "[[rules]]", "rules.0.values", ["drop-label", "values"]),
    "rewriting rows of its own": ("type =", 'perturbation = "digits"\ntype =', 'perturbation = "digits"', "perturbation", ["another STS task", "data"]),
    "unknown way of rewriting": (
        "type =",
        'perturbation = "typing-slip"\ntype =',
        'perturbation = "typing-slip"',
        "perturbation",
        ["'nukta'", "'typing-slip'", "did you mean 'typing-slips'"],
    ),
    "rule without a split to look in": ("[subsets.mr]", '[[rules]]\nrule = "drop-seen"\n[subsets.mr]', "[[rules]]", "rules.0.seen_in", ["drop-seen", "split"]),
}


@pytest.mark.parametrize(("old", "new", "line", "field", "parts"), TASK_MISTAKES.values(), ids=TASK_MISTAKES)
def test_a_mistake_in_a_task_card_is_told_with_file_line_field_and_what_was_found(tmp_path, old, new, line, field, parts):
    card = edited(STS_CARD, old, new)
    problem = only_problem(write_workspace(tmp_path, tasks={"sts": card}, suites={}))
    assert problem.file == tmp_path / "tasks" / "sts" / "task.toml"
    assert problem.field == field
    if line is None:  # the problem lies in the second source as a whole
        assert problem.line == [number for number, text in enumerate(card.splitlines(), 1) if text == "[[subsets.mr.sources]]"][1]
    else:
        assert card.splitlines()[problem.line - 1] == line
    assert [part for part in parts if part not in problem.message] == []
    assert str(problem).startswith(f"{problem.file}:{problem.line}: {field}: ")


SUITE_MISTAKES = {
    # id: (what the right card says or None to append, what the wrong one says, the line that the message must name, the field, essential parts)
    "unknown task": ('["TinySTS"]', '["TinySTs"]', 'tasks = ["TinySTs"]', "suite.tasks", ["'TinySTs'", "'TinySTS'"]),
    "no task": ('["TinySTS"]', "[]", "tasks = []", "suite.tasks", ["at least 1"]),
    "suite name in capitals": ('"tiny"', '"Tiny"', 'name = "Tiny"', "suite.name", ["'Tiny'"]),
    "unknown table": (None, "[grid]\n", "[grid]", "grid", ["unknown", "'grids'"]),
    "seed larger than NumPy takes": (None, FULL + "seed = 4294967296\n", "seed = 4294967296", "candidates.1.seed", ["4294967296"]),
    "static in int8": (
        None,
        FULL.replace('"full"', '"static"') + 'precision = "int8"\n',
        'precision = "int8"',
        "candidates.1.precision",
        ["linear layers", "fp32, bf16 or fp16"],
    ),
    "backend with a precision": (
        None,
        FULL + 'backend = "onnx"\nprecision = "bf16"\n',
        'precision = "bf16"',
        "candidates.1.precision",
        ["'onnx' computes in fp32", "'torch'"],
    ),
    "backend of a static model": (
        None,
        FULL.replace('"full"', '"static"') + 'backend = "openvino"\n',
        'backend = "openvino"',
        "candidates.1.backend",
        ["runs transformers", "leave it out"],
    ),
    "backend of a model with its own code": (
        None,
        FULL.replace('"full"', '"external"').replace('base = "mini"\n', 'path = "mini"\n').replace('recipe = "short"\n', "")
        + 'backend = "onnx"\ntrust_remote_code = true\n',
        'backend = "onnx"',
        "candidates.1.backend",
        ["no code of a model's folder", "trust_remote_code"],
    ),
    "teacher in another backend": (
        None,
        FULL.replace('"m"', '"t"')
        + 'backend = "onnx"\n'
        + FULL.replace('"full"', '"distilled"').replace('"short"', '"teach"')
        + 'strategy = "top"\nkeep = 1\nteacher = "t"\n[recipes.teach]\n[[recipes.teach.phases]]\nkind = "distill"\ndata = ["TinySTS"]\n',
        'teacher = "t"',
        "candidates.2.teacher",
        ["'onnx'", "a teacher runs in 'torch'"],
    ),
    "no corpus of a vocabulary": (
        None,
        FULL + "vocabulary = { corpus = [], size = 9 }\n",
        "vocabulary = { corpus = [], size = 9 }",
        "candidates.1.vocabulary.corpus",
        ["at least 1"],
    ),
    "unknown data set of a vocabulary": (
        None,
        FULL + 'vocabulary = { corpus = ["TinySTs"], size = 9 }\n',
        'vocabulary = { corpus = ["TinySTs"], size = 9 }',
        "candidates.1.vocabulary.corpus",
        ["'TinySTs'", "neither a data set nor a text file", "did you mean 'TinySTS'"],
    ),
    "test texts for a vocabulary": (
        None,
        FULL + 'vocabulary = { corpus = ["TinySTS:test"], size = 9 }\n',
        'vocabulary = { corpus = ["TinySTS:test"], size = 9 }',
        "candidates.1.vocabulary.corpus",
        ["'TinySTS:test'", "test texts may not choose the tokens"],
    ),
    "unknown split of a vocabulary": (
        None,
        FULL + 'vocabulary = { corpus = ["TinySTS:tran"], size = 9 }\n',
        'vocabulary = { corpus = ["TinySTS:tran"], size = 9 }',
        "candidates.1.vocabulary.corpus",
        ["no split 'tran'", "'train'"],
    ),
    "vocabulary of no size": (
        None,
        FULL + 'vocabulary = { corpus = ["TinySTS"], size = 0 }\n',
        'vocabulary = { corpus = ["TinySTS"], size = 0 }',
        "candidates.1.vocabulary.size",
        ["greater than 0"],
    ),
    "vocabulary without a size": (
        None,
        FULL + 'vocabulary = { corpus = ["TinySTS"] }\n',
        'vocabulary = { corpus = ["TinySTS"] }',
        "candidates.1.vocabulary",
        ["either tokens, a list, or both corpus and size"],
    ),
    "vocabulary by a list and by a corpus": (
        None,
        FULL + 'vocabulary = { tokens = "list.txt", corpus = ["TinySTS"], size = 9 }\n',
        'vocabulary = { tokens = "list.txt", corpus = ["TinySTS"], size = 9 }',
        "candidates.1.vocabulary",
        ["either tokens, a list, or both corpus and size"],
    ),
    "vocabulary by a list with a size": (
        None,
        FULL + 'vocabulary = { tokens = "list.txt", size = 9 }\n',
        'vocabulary = { tokens = "list.txt", size = 9 }',
        "candidates.1.vocabulary",
        ["either tokens, a list, or both corpus and size"],
    ),
    "vocabulary by a list that is not there": (
        None,
        FULL + 'vocabulary = { tokens = "list.txt" }\n',
        'vocabulary = { tokens = "list.txt" }',
        "candidates.1.vocabulary.tokens",
        ["no file 'list.txt' beside this card", "`bench vocabulary`"],
    ),
    "unknown field of a vocabulary": (
        None,
        FULL + 'vocabulary = { corpse = ["TinySTS"], size = 9, corpus = ["TinySTS"] }\n',
        'vocabulary = { corpse = ["TinySTS"], size = 9, corpus = ["TinySTS"] }',
        "candidates.1.vocabulary.corpse",
        ["unknown", "'corpus'"],
    ),
    "vocabulary of a model that is not made here": (
        None,
        'vocabulary = { corpus = ["TinySTS"], size = 9 }\n',
        'vocabulary = { corpus = ["TinySTS"], size = 9 }',
        "candidates.0.vocabulary",
        ["'lexical'"],
    ),
    "unknown data set of a curve": (
        None,
        '[recipes.short.curve]\ndata = ["TinySTs:train"]\n',
        'data = ["TinySTs:train"]',
        "recipes.short.curve.data",
        ["'TinySTs'", "did you mean 'TinySTS'"],
    ),
    "unknown split of a curve": (
        None,
        '[recipes.short.curve]\ndata = ["TinySTS:dve"]\n',
        'data = ["TinySTS:dve"]',
        "recipes.short.curve.data",
        ["no split 'dve'"],
    ),
    "test pairs for a curve": (
        None,
        '[recipes.short.curve]\ndata = ["TinySTS:test"]\n',
        'data = ["TinySTS:test"]',
        "recipes.short.curve.data",
        ["tested on", "TinySTS:dev"],
    ),
    "training pairs for a curve": (
        None,
        '[recipes.short.curve]\ndata = ["TinySTS"]\n',
        'data = ["TinySTS"]',
        "recipes.short.curve.data",
        ["trains on", "TinySTS:dev"],
    ),
    "unknown field of a candidate": (None, "ngrm = [3, 3]\n", "ngrm = [3, 3]", "candidates.0.ngrm", ["unknown", "'ngram'"]),
    "unknown kind": ('"lexical"', '"lexicle"', 'kind = "lexicle"', "candidates.0.kind", ["'full'", "'lexicle'", "did you mean 'lexical'"]),
    "unknown base": (None, FULL.replace('"mini"', '"minni"'), 'base = "minni"', "candidates.1.base", ["'minni'", "'mini'"]),
    "no base": (None, FULL.replace('base = "mini"\n', ""), "[[candidates]]", "candidates.1.base", ["full", "needs a base"]),
    "unknown recipe": (None, FULL.replace('"short"', '"shrot"'), 'recipe = "shrot"', "candidates.1.recipe", ["'shrot'", "'short'"]),
    "recipe for what is not trained": (None, 'recipe = "short"\n', 'recipe = "short"', "candidates.0.recipe", ["lexical", "not trained"]),
    "base from two places": ('path = "mini"', 'path = "mini"\nhub = "a/b"', "[bases.mini]", "bases.mini", ["exactly one", "path, hub"]),
    "unpinned Hub base": ('path = "mini"', 'hub = "a/b"', "[bases.mini]", "bases.mini", ["Hub", "revision"]),
    "unpinned Hub model": (
        None,
        '[[candidates]]\nname = "x"\nkind = "external"\nhub = "a/b"\n',
        "[[candidates]]",
        "candidates.1.revision",
        ["Hub", "revision"],
    ),
    "external without a place": (None, '[[candidates]]\nname = "x"\nkind = "external"\n', "[[candidates]]", "candidates.1.path", ["exactly one", "path, hub"]),
    "unknown data set": ('data = ["TinySTS"]', 'data = ["TinySST"]', 'data = ["TinySST"]', "recipes.short.phases.0.data", ["'TinySST'", "'TinySTS'"]),
    "unknown split": ('data = ["TinySTS"]', 'data = ["TinySTS:trian"]', 'data = ["TinySTS:trian"]', "recipes.short.phases.0.data", ["'trian'", "'train'"]),
    "data of another kind": ('kind = "sts"', 'kind = "nli"', 'data = ["TinySTS"]', "recipes.short.phases.0.data", ["'nli'", "NLI", "'TinySTS' is STS"]),
    "unknown field of a phase": ('kind = "sts"', 'kind = "sts"\nepoch = 1', "epoch = 1", "recipes.short.phases.0.epoch", ["unknown", "'epochs'"]),
    "no epochs": ('kind = "sts"', 'kind = "sts"\nepochs = 0', "epochs = 0", "recipes.short.phases.0.epochs", ["greater than 0", "found 0"]),
    "pruned without layers": (None, PRUNED, "[[candidates]]", "candidates.1.strategy", ["strategy and keep", "layers"]),
    "pruned with strategy and no depth": (None, PRUNED + 'strategy = "top"\n', 'strategy = "top"', "candidates.1.strategy", ["strategy and keep", "layers"]),
    "pruned with both": (None, PRUNED + 'strategy = "top"\nkeep = 2\nlayers = [0]\n', 'strategy = "top"', "candidates.1.strategy", ["either"]),
    "unknown strategy": (None, PRUNED + 'strategy = "tpo"\nkeep = 2\n', 'strategy = "tpo"', "candidates.1.strategy", ["'tpo'", "did you mean 'top'"]),
    "unknown ranked strategy": (
        None,
        PRUNED + 'strategy = "contributions"\nkeep = 2\n',
        'strategy = "contributions"',
        "candidates.1.strategy",
        ["'contributions'", "did you mean 'contribution'"],
    ),
    "threshold and keep": (None, OVER + "threshold = 0.9\nkeep = 2\n", "threshold = 0.9", "candidates.1.threshold", ["leave one of them out", "keep is 2"]),
    "threshold of another strategy": (
        None,
        OVER.replace("contribution", "angular") + "threshold = 0.9\n",
        "threshold = 0.9",
        "candidates.1.threshold",
        ["only strategy 'contribution'", "give keep or layers", "'angular'"],
    ),
    "threshold of layers": (None, PRUNED + "layers = [0]\nthreshold = 0.9\n", "threshold = 0.9", "candidates.1.threshold", ["only strategy 'contribution'"]),
    "threshold of a full model": (None, FULL + "threshold = 0.9\n", "threshold = 0.9", "candidates.1.threshold", ["means nothing", "'full'"]),
    "threshold of one": (None, OVER + "threshold = 1.0\n", "threshold = 1.0", "candidates.1.threshold", ["less than 1", "found 1.0"]),
    "threshold of zero": (None, OVER + "threshold = 0\n", "threshold = 0", "candidates.1.threshold", ["greater than 0", "found 0"]),
    "threshold in words": (None, OVER + 'threshold = "0.9"\n', 'threshold = "0.9"', "candidates.1.threshold", ["number", "'0.9'"]),
    "threshold in a grid": (
        None,
        '[[grids]]\nkind = "pruned"\nbases = ["mini"]\nstrategies = ["contribution"]\nthreshold = 0.9\n',
        "threshold = 0.9",
        "grids.0.threshold",
        ["unknown field"],
    ),
    "layers unsorted": (None, PRUNED + "layers = [3, 1]\n", "layers = [3, 1]", "candidates.1.layers", ["rising order", "[3, 1]"]),
    "layers repeated": (None, PRUNED + "layers = [1, 1]\n", "layers = [1, 1]", "candidates.1.layers", ["repeats", "[1, 1]"]),
    "no layers": (None, PRUNED + "layers = []\n", "layers = []", "candidates.1.layers", ["at least one"]),
    "layer below zero": (None, PRUNED + "layers = [-1]\n", "layers = [-1]", "candidates.1.layers.0", ["-1"]),
    "scratch without a depth": (None, PRUNED.replace('"pruned"', '"scratch"'), "[[candidates]]", "candidates.1.keep", ["scratch", "keep"]),
    "grid without keep": (None, '[[grids]]\nkind = "pruned"\nbases = ["mini"]\nstrategies = ["top"]\n', "[[grids]]", "grids.0.keep", ["pruned", "depths"]),
    "scratch with a depth and weights": (
        None,
        PRUNED.replace('"pruned"', '"scratch"') + 'keep = 2\nweights = "pretrained"\n',
        "keep = 2",
        "candidates.1.keep",
        ["either keep", "weights"],
    ),
    "weights of a pruned model": (
        None,
        PRUNED + 'strategy = "top"\nkeep = 2\nweights = "pretrained"\n',
        'weights = "pretrained"',
        "candidates.1.weights",
        ["mean nothing", "'pruned'"],
    ),
    "scratch grid without keep": (None, '[[grids]]\nkind = "scratch"\nbases = ["mini"]\n', "[[grids]]", "grids.0.keep", ["scratch", "depths"]),
    "grid without strategies": (None, '[[grids]]\nkind = "pruned"\nbases = ["mini"]\nkeep = [1]\n', "[[grids]]", "grids.0.strategies", ["strategies"]),
    "grid of an unknown base": (None, '[[grids]]\nkind = "full"\nbases = ["minni"]\n', "[[grids]]", "grids.0.base", ["'minni'", "'mini'"]),
    "candidate named twice": (None, '[[candidates]]\nname = "chars"\nkind = "lexical"\n', 'name = "chars"', "candidates.1.name", ["'chars'", "earlier"]),
    "grid that repeats a name": (None, FULL.replace('"m"', '"mini"') + '[[grids]]\nkind = "full"\nbases = ["mini"]\n', "[[grids]]", "grids.0.name", ["'mini'"]),
}


@pytest.mark.parametrize(("old", "new", "line", "field", "parts"), SUITE_MISTAKES.values(), ids=SUITE_MISTAKES)
def test_a_mistake_in_a_suite_is_told_with_file_line_field_and_what_was_found(tmp_path, old, new, line, field, parts):
    card = SUITE_CARD + new if old is None else edited(SUITE_CARD, old, new)
    problem = only_problem(write_workspace(tmp_path, suites={"tiny.toml": card}))
    assert problem.file == tmp_path / "models" / "tiny.toml"
    assert problem.field == field
    last = max(number for number, text in enumerate(card.splitlines(), 1) if text == line)
    assert problem.line == last
    assert [part for part in parts if part not in problem.message] == []


def test_every_problem_of_every_card_is_told_in_one_go(tmp_path):
    tasks = {
        "a": STS_CARD.replace('type = "STS"', 'type = "STSs"').replace("license", "licence").replace("mar-Deva", "mr"),
        "b": "name = [1,\n",
        "c": STS_CARD.encode() + b"# \xff\n",
    }
    suites = {
        "one.toml": SUITE_CARD.replace('"lexical"', '"pruned"').replace('path = "mini"', 'hub = "a/b"'),
        "two.toml": SUITE_CARD.replace('"tiny"', '"other"').replace("kind", "knid", 1),
    }
    found = {(problem.file.relative_to(tmp_path).as_posix(), problem.field) for problem in problems_of(write_workspace(tmp_path, tasks=tasks, suites=suites))}
    assert found == {
        ("tasks/a/task.toml", "type"),
        ("tasks/a/task.toml", "license"),
        ("tasks/a/task.toml", "licence"),
        ("tasks/a/task.toml", "subsets.mr.languages.0"),
        ("tasks/b/task.toml", "TOML"),
        ("tasks/c/task.toml", "encoding"),
        ("models/one.toml", "bases.mini"),
        ("models/one.toml", "candidates.0.base"),
        ("models/one.toml", "candidates.0.strategy"),
        ("models/two.toml", "recipes.short.phases.0.kind"),
        ("models/two.toml", "recipes.short.phases.0.knid"),
    }


def test_the_text_of_a_card_error_has_one_line_for_each_problem(tmp_path):
    card = STS_CARD.replace('type = "STS"', 'type = "STSs"').replace("mar-Deva", "mr")
    with pytest.raises(CardError) as caught:
        load_library(write_workspace(tmp_path, tasks={"sts": card}, suites={}))
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    assert len(caught.value.problems) == 2


def test_a_card_that_is_not_utf_8_is_told_with_the_byte_and_its_offset(tmp_path):
    problem = only_problem(write_workspace(tmp_path, tasks={"sts": STS_CARD.encode() + b"# \xff\n"}, suites={}))
    assert problem.field == "encoding"
    assert "UTF-8" in problem.message
    assert "0xff" in problem.message
    assert str(len(STS_CARD) + 2) in problem.message


def test_a_suite_that_names_a_task_whose_card_could_not_be_read_is_not_blamed_for_it(tmp_path):
    problem = only_problem(write_workspace(tmp_path, tasks={"sts": 'name = "TinySTS\n'}))
    assert problem.file.name == "task.toml"


def test_two_tasks_of_one_name_are_refused_with_the_place_of_the_first(tmp_path):
    problems = problems_of(write_workspace(tmp_path, tasks={"a": STS_CARD, "b": STS_CARD}, suites={}))
    assert [(problem.file.parent.name, problem.line, problem.field) for problem in problems] == [("b", 1, "name")]
    assert str(tmp_path / "tasks" / "a" / "task.toml") in problems[0].message


def test_two_suites_of_one_name_are_refused_with_the_place_of_the_first(tmp_path):
    problem = only_problem(write_workspace(tmp_path, suites={"a.toml": SUITE_CARD, "b.toml": SUITE_CARD}))
    assert (problem.file.name, problem.line, problem.field) == ("b.toml", 2, "suite.name")
    assert str(tmp_path / "models" / "a.toml") in problem.message


def test_a_task_that_only_trains_has_no_place_among_the_tasks_of_a_suite(tmp_path):
    problems = problems_of(
        write_workspace(
            tmp_path,
            tasks={"sts": STS_CARD, "nli": STS_CARD.replace("TinySTS", "TinyNLI").replace('"STS"', '"NLI"')},
            suites={"tiny.toml": SUITE_CARD.replace('["TinySTS"]', '["TinySTS", "TinyNLI"]', 1)},
        )
    )
    assert [(problem.line, problem.field) for problem in problems] == [(3, "suite.tasks")]
    assert "'TinyNLI' is training data" in problems[0].message


TRIPLETS_CARD = STS_CARD.replace("TinySTS", "TinyTriplets").replace('"STS"', '"Triplets"')
LISTED = SUITE_CARD.replace('["TinySTS"]', '["TinySTS", "TinyTriplets"]', 1)


def test_triplets_with_a_test_split_have_a_place_among_the_tasks_of_a_suite(tmp_path):
    library = load_library(write_workspace(tmp_path, tasks={"sts": STS_CARD, "triplets": TRIPLETS_CARD}, suites={"tiny.toml": LISTED}))
    assert library.task("TinyTriplets").score_name == "accuracy"


def test_triplets_without_a_test_split_train_only(tmp_path):
    only_train = TRIPLETS_CARD.replace('split = "test"', 'split = "dev"')
    problem = only_problem(write_workspace(tmp_path, tasks={"sts": STS_CARD, "triplets": only_train}, suites={"tiny.toml": LISTED}))
    assert (problem.line, problem.field) == (3, "suite.tasks")
    assert "'TinyTriplets' is training data (Triplets); it has no split 'test' to be scored on" in problem.message


def test_triplets_without_a_split_to_train_or_be_scored_on_are_refused(tmp_path):
    neither = TRIPLETS_CARD.replace('split = "test"', 'split = "dev"').replace('split = "train"', 'split = "other"')
    problem = only_problem(write_workspace(tmp_path, tasks={"sts": STS_CARD, "triplets": neither}))
    assert (problem.field, "no source has the split 'train'" in problem.message) == ("train_on", True)


@pytest.mark.parametrize("changes", [{"train_on": "test"}, {"evaluate_on": "train"}, {"train_on": "dev", "evaluate_on": "dev"}], ids=str)
@pytest.mark.parametrize("shares", [False, True], ids=["own rows", "rows of another"])
@pytest.mark.parametrize("classifier", ["logistic-regression", "knn"])
def test_a_classifier_may_not_be_fitted_on_what_it_is_tested_on(tmp_path, changes, shares, classifier):
    given = f'classifier = "{classifier}"\n' + "".join(f'{name} = "{split}"\n' for name, split in changes.items())
    dev = '\n[[subsets.mr.sources]]\nsplit = "dev"\nfile = "dev.tsv"\n'
    tasks = {"topics": CLASSIFICATION_CARD + dev}
    tasks |= {"knn": KNN_CARD.replace('classifier = "knn"\n', given)} if shares else {"topics": tasks["topics"].replace("type =", given + "type =")}
    problem = only_problem(write_workspace(tmp_path, tasks=tasks, suites={}))
    assert (problem.file.parent.name, problem.field) == ("knn" if shares else "topics", "train_on")
    left = {"dev", "test", "train"} - {next(iter(changes.values()))}
    assert (
        f"is what the task is tested on (evaluate_on); give the rows to fit the classifier on a split of their own; valid: {', '.join(sorted(left))}"
        in problem.message
    )


SOURCES = {
    "file": ('file = "test.tsv"', 'file = "test.tsv"'),
    "published": (f'{PUBLISHED}\nsha256 = "{"0" * 64}"', f'{PUBLISHED}\nsha256 = "{"0" * 64}"'),
    "Hub": (HUB_SOURCE + '\nhub_split = "all"', HUB_SOURCE + '\nhub_split = "all"'),
    "Hub by the name of the split": (HUB_SOURCE + '\nhub_split = "test"', HUB_SOURCE),
}


@pytest.mark.parametrize(("train", "test"), SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("card", [STS_CARD, CLASSIFICATION_CARD], ids=["STS", "Classification"])
def test_the_same_rows_under_two_names_may_not_be_trained_and_tested_on(tmp_path, card, train, test):
    card = (
        edited(edited(card, 'file = "train.tsv"', train), 'file = "test.tsv"', test)
        if train != test
        else card.replace('file = "train.tsv"', train).replace('file = "test.tsv"', test)
    )
    problem = only_problem(write_workspace(tmp_path, tasks={"sts": card}, suites={}))
    assert problem.field == "subsets.mr.sources.0"
    assert "both in 'train' (train_on) and in 'test' (evaluate_on)" in problem.message


def test_the_same_rows_under_two_names_may_not_be_trained_and_tested_on_by_a_task_that_shares_them(tmp_path):
    dev = '\n[[subsets.mr.sources]]\nsplit = "dev"\nfile = "train.tsv"\n'
    knn = KNN_CARD + 'evaluate_on = "dev"\n'
    problem = only_problem(write_workspace(tmp_path, tasks={"topics": CLASSIFICATION_CARD + dev, "knn": knn}, suites={}))
    assert (problem.file.parent.name, problem.field) == ("knn", "train_on")
    assert "train.tsv is both in 'train' (train_on) and in 'dev' (evaluate_on)" in problem.message


def test_a_set_that_is_only_tested_on_needs_no_other_split(tmp_path):
    card = STS_CARD[: STS_CARD.rindex("[[subsets.mr.sources]]")].replace("type =", 'evaluate_on = "train"\ntype =')
    suite = SUITE_CARD.replace('[[recipes.short.phases]]\nkind = "sts"\ndata = ["TinySTS"]\n', "")
    assert load_library(write_workspace(tmp_path, tasks={"sts": card}, suites={"tiny.toml": suite}))


TESTED = {
    # id: (the tasks of the suite, what a recipe trains on, the task that is named)
    "by its split": (["TinySTS"], "TinySTS:test", "TinySTS"),
    "by its default split": (["OnlyTest"], "OnlyTest", "OnlyTest"),
    "of a task that rewrites it": (["TinySTS", "TinySTS-rewritten"], "TinySTS:test", "TinySTS"),
    "of a task that shares it": (["Again"], "TinySTS:train", "Again"),
}


@pytest.mark.parametrize("phase", ["sts", "distill", "curve", "vocabulary"])
@pytest.mark.parametrize(("tasks", "data", "named"), TESTED.values(), ids=TESTED)
def test_no_recipe_may_train_on_what_a_task_of_its_suite_is_tested_on(tmp_path, tasks, data, named, phase):
    cards = {
        "sts": STS_CARD,
        "only": STS_CARD[: STS_CARD.rindex("[[subsets.mr.sources]]")]
        .replace("TinySTS", "OnlyTest")
        .replace('"train"', '"test"')
        .replace("type =", 'train_on = "test"\ntype ='),
        "digits": rewritten_card(),
        "again": 'name = "Again"\ntype = "STS"\ndescription = "d"\nlicense = "l"\ndata = "TinySTS"\nevaluate_on = "train"\n',
        "other": STS_CARD.replace("TinySTS", "Other"),
    }
    suite = SUITE_CARD.replace('["TinySTS"]', str(tasks).replace("'", '"'), 1).replace('data = ["TinySTS"]', 'data = ["Other"]')
    suite += {
        "sts": f'[recipes.more]\n[[recipes.more.phases]]\nkind = "sts"\ndata = ["Other", "{data}"]\n',
        "distill": f'[recipes.more]\n[[recipes.more.phases]]\nkind = "distill"\ndata = ["Other", "{data}"]\n',
        "curve": f'[recipes.more.curve]\ndata = ["{data}"]\n',
        "vocabulary": FULL + f'vocabulary = {{ corpus = ["Other", "{data}"], size = 9 }}\n',
    }[phase]
    problem = only_problem(write_workspace(tmp_path, tasks=cards, suites={"tiny.toml": suite}))
    assert problem.field.endswith({"sts": "phases.0.data", "distill": "phases.0.data", "curve": "curve.data", "vocabulary": "vocabulary.corpus"}[phase])
    assert f"{data!r} is what {named!r} is tested on" in problem.message


def test_what_a_task_of_another_suite_is_tested_on_may_be_trained_on(tmp_path):
    suite = SUITE_CARD.replace('["TinySTS"]', '["Other"]', 1).replace('data = ["TinySTS"]', 'data = ["TinySTS:test"]')
    assert load_library(write_workspace(tmp_path, tasks={"sts": STS_CARD, "other": STS_CARD.replace("TinySTS", "Other")}, suites={"tiny.toml": suite}))


LABELS = sorted(label for label in BOARD_COLUMNS if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*( .+)?", label))
"""Those of a board's own columns that could be the label of a task, or of a task and a subset."""


@pytest.mark.parametrize("label", LABELS)
def test_no_task_with_rows_of_its_own_may_have_the_label_of_a_column_that_every_board_has(tmp_path, label):
    name, _, subset = label.partition(" ")
    card = STS_CARD.replace("TinySTS", name)
    if subset:
        card = card.replace("subsets.mr", f'subsets."{subset}"') + card[card.index("[subsets.mr]") :].replace("subsets.mr", "subsets.hi")
    problem = only_problem(write_workspace(tmp_path, tasks={"sts": card}, suites={}))
    assert problem.field == (f"subsets.{subset}" if subset else "name")
    assert f"{label!r} is a column that every board has" in problem.message


@pytest.mark.parametrize("label", [label for label in LABELS if " " not in label])
def test_no_task_that_shares_rows_may_have_the_label_of_a_column_that_every_board_has(tmp_path, label):
    problem = only_problem(write_workspace(tmp_path, tasks={"sts": STS_CARD, "rewritten": rewritten_card().replace("TinySTS-rewritten", label)}, suites={}))
    assert (problem.file.parent.name, problem.field) == ("rewritten", "name")
    assert f"{label!r} is a column that every board has" in problem.message


def test_what_only_trains_has_no_column_and_may_be_called_anything(tmp_path):
    card = STS_CARD.replace("TinySTS", "mean").replace('"STS"', '"NLI"')
    assert load_library(write_workspace(tmp_path, tasks={"nli": card}, suites={})).tasks["mean"]


def test_a_drop_and_a_score_that_would_share_a_column_are_refused_with_both_tasks(tmp_path):
    drop = STS_CARD.replace("TinySTS", "drop")
    drop = drop.replace("subsets.mr", "subsets.TinySTS-rewritten") + drop[drop.index("[subsets.mr]") :]
    suite = edited(SUITE_CARD, '["TinySTS"]', '["drop", "TinySTS", "TinySTS-rewritten"]')
    problem = only_problem(write_workspace(tmp_path, tasks={"sts": STS_CARD, "drop": drop, "digits": rewritten_card()}, suites={"tiny.toml": suite}))
    assert (problem.line, problem.field) == (3, "suite.tasks")
    assert [part for part in ("'drop' and 'TinySTS-rewritten'", "'drop TinySTS-rewritten'", "rename") if part not in problem.message] == []


def test_a_task_that_a_suite_lists_twice_is_refused(tmp_path):
    problem = only_problem(write_workspace(tmp_path, suites={"tiny.toml": edited(SUITE_CARD, '["TinySTS"]', '["TinySTS", "TinySTS"]')}))
    assert (problem.line, problem.field) == (3, "suite.tasks")
    assert "'TinySTS' stands there more than once" in problem.message


@pytest.mark.parametrize("source", [HUB_SOURCE, f'{PUBLISHED}\nsha256 = "{"0" * 64}"'], ids=["hub", "published"])
def test_pinned_sources_are_taken(tmp_path, source):
    library = load_library(write_workspace(tmp_path, tasks={"sts": edited(STS_CARD, 'file = "test.tsv"', source)}, suites={}))
    assert [entry.split for entry in library.task("TinySTS").subsets["mr"].sources] == ["train", "test"]


def test_a_task_may_share_the_rows_of_another_and_keep_its_own_classifier(tmp_path):
    library = load_library(write_workspace(tmp_path, tasks={"topics": CLASSIFICATION_CARD, "knn": KNN_CARD}, suites={}))
    shared, own = library.task("Topics-kNN"), library.task("Topics")
    assert (shared.name, shared.classifier, shared.neighbours) == ("Topics-kNN", "knn", 3)
    assert (shared.subsets, shared.labels, shared.folder) == (own.subsets, own.labels, own.folder)
    assert own.classifier == "logistic-regression"


@pytest.mark.parametrize(
    ("data", "parts"),
    [("Topcs", ["Classification", "'Topcs'", "did you mean 'Topics'"]), ("TinySTS", ["another Classification task", "'TinySTS'"])],
    ids=["unknown", "another-type"],
)
def test_rows_can_only_be_shared_with_a_known_task_of_the_same_type(tmp_path, data, parts):
    card = edited(KNN_CARD, 'data = "Topics"', f'data = "{data}"')
    problem = only_problem(write_workspace(tmp_path, tasks={"topics": CLASSIFICATION_CARD, "sts": STS_CARD, "knn": card}, suites={}))
    assert (problem.file.parent.name, problem.line, problem.field) == ("knn", 7, "data")
    assert [part for part in parts if part not in problem.message] == []


def test_only_the_pairs_of_an_sts_task_can_be_rewritten(tmp_path):
    card = KNN_CARD + 'perturbation = "nukta"\n'
    problem = only_problem(write_workspace(tmp_path, tasks={"topics": CLASSIFICATION_CARD, "knn": card}, suites={}))
    assert (problem.file.parent.name, problem.line, problem.field) == ("knn", 8, "perturbation")
    assert "needs type STS" in problem.message


def test_a_rewritten_task_is_scored_on_the_rows_and_the_way_of_the_task_that_it_rewrites(tmp_path):
    card = edited(STS_CARD.replace('"test"', '"dev"'), "type =", 'evaluate_on = "dev"\nmain_score = "cosine_pearson"\nscore_range = [1, 4]\ntype =')
    library = load_library(write_workspace(tmp_path, tasks={"sts": card, "digits": rewritten_card()}, suites={}))
    own, rewritten = library.task("TinySTS"), library.task("TinySTS-rewritten")
    assert (rewritten.name, rewritten.perturbation, own.perturbation) == ("TinySTS-rewritten", "digits", None)
    for field in ("subsets", "rules", "folder", "evaluate_on", "main_score", "score_range"):
        assert getattr(rewritten, field) == getattr(own, field), field


def test_a_suite_may_list_a_rewritten_task_beside_the_task_that_it_rewrites(tmp_path):
    suite = edited(SUITE_CARD, '["TinySTS"]', '["TinySTS-rewritten", "TinySTS"]')
    library = load_library(write_workspace(tmp_path, tasks={"sts": STS_CARD, "digits": rewritten_card()}, suites={"tiny.toml": suite}))
    assert library.suites["tiny"].suite.tasks == ("TinySTS-rewritten", "TinySTS")


def test_a_suite_that_lists_a_rewritten_task_without_the_task_that_it_rewrites_is_refused(tmp_path):
    tasks = {"sts": STS_CARD, "other": STS_CARD.replace("TinySTS", "OtherSTS"), "digits": rewritten_card("OtherSTS")}
    suite = edited(SUITE_CARD, '["TinySTS"]', '["TinySTS", "TinySTS-rewritten"]')
    problem = only_problem(write_workspace(tmp_path, tasks=tasks, suites={"tiny.toml": suite}))
    assert (problem.file.name, problem.line, problem.field) == ("tiny.toml", 3, "suite.tasks")
    assert [part for part in ("'TinySTS-rewritten'", "drop from 'OtherSTS'") if part not in problem.message] == []


def test_a_rewritten_task_cannot_be_rewritten_again(tmp_path):
    again = edited(rewritten_card("TinySTS-rewritten", "nukta"), 'name = "TinySTS-rewritten"', 'name = "Again"')
    problem = only_problem(write_workspace(tmp_path, tasks={"sts": STS_CARD, "digits": rewritten_card(), "nukta": again}, suites={}))
    assert (problem.file.parent.name, problem.field) == ("nukta", "data")
    assert "rows of its own" in problem.message


GRIDS = """
[[grids]]
kind = "full"
bases = ["mini"]
recipes = ["short"]
seeds = [0, 1]

[[grids]]
kind = "pruned"
bases = ["mini"]
strategies = ["top"]
keep = [2]
recipes = ["short"]
seeds = [0, 1, 2]

[[grids]]
kind = "scratch"
bases = ["mini"]
keep = [2]

[[candidates]]
name = "by-hand"
kind = "pruned"
base = "mini"
recipe = "short"
layers = [0, 3]

[[candidates]]
name = "declared"
kind = "external"
path = "elsewhere"
parent = "mini-seed0"
"""


def test_a_smaller_model_has_the_full_one_of_the_same_base_recipe_and_seed_as_its_parent(tmp_path):
    library = load_library(write_workspace(tmp_path, suites={"tiny.toml": SUITE_CARD + GRIDS}))
    assert {candidate.name: candidate.parent for candidate in library.candidates["tiny"]} == {
        "chars": None,
        "by-hand": "mini-seed0",
        "declared": "mini-seed0",
        "mini-seed0": None,
        "mini-seed1": None,
        "mini-top2-seed0": "mini-seed0",
        "mini-top2-seed1": "mini-seed1",
        "mini-top2-seed2": None,  # no full model of this seed
        "mini-scratch2": None,  # nor one without a recipe
    }


def test_a_grid_may_name_the_parent_of_its_candidates(tmp_path):
    named = GRIDS.replace("seeds = [0, 1, 2]\n", 'seeds = [0, 1, 2]\nparent = "mini-seed0"\n')
    assert named != GRIDS
    library = load_library(write_workspace(tmp_path, suites={"tiny.toml": SUITE_CARD + named}))
    assert {candidate.parent for candidate in library.candidates["tiny"] if candidate.name.startswith("mini-top2")} == {"mini-seed0"}


SEEDS = '[[grids]]\nkind = "full"\nbases = ["mini"]\nrecipes = ["short"]\nseeds = [1, 2]\n'
OTHER_SEEDS = SEEDS.replace("[1, 2]", '[3, 4]\nprompt = "query: "')
CLASHES = {
    # id: (what is added to a suite, the field, essential parts of the message)
    "another candidate": (
        FULL.replace('"m"', '"mini"').replace('"short"', '"long"') + SEEDS,
        "grids.0.name",
        ["'mini-seed1' and 'mini-seed2'", "one row, 'mini'"],
    ),
    "another kind": (
        '[[candidates]]\nname = "mini"\nkind = "external"\npath = "x"\n' + SEEDS,
        "grids.0.name",
        ["'mini-seed1' and 'mini-seed2'", "one row, 'mini'"],
    ),
    "single candidates": (
        "".join(FULL.replace('"m"', f'"m-seed{seed}"') + f"seed = {seed}\n" for seed in range(3)) + FULL.replace('"short"', '"long"'),
        "candidates.1.name",
        ["'m-seed0', 'm-seed1' and 'm-seed2'", "one row, 'm'", "another candidate has that name"],
    ),
}


@pytest.mark.parametrize(("added", "field", "parts"), CLASHES.values(), ids=CLASHES)
def test_seeds_whose_row_would_have_the_name_of_another_candidate_are_refused(tmp_path, added, field, parts):
    card = SUITE_CARD + "[recipes.long]\n" + added
    problem = only_problem(write_workspace(tmp_path, suites={"tiny.toml": card}))
    assert problem.field == field
    assert [part for part in [*parts, "rename one of them"] if part not in problem.message] == []


def test_two_groups_of_seeds_whose_rows_would_have_one_name_are_both_refused_and_name_each_other(tmp_path):
    problems = problems_of(write_workspace(tmp_path, suites={"tiny.toml": SUITE_CARD + SEEDS + OTHER_SEEDS}))
    assert [problem.field for problem in problems] == ["grids.0.name", "grids.1.name"]
    assert all("'mini-seed1' and 'mini-seed2'" in problem.message and "'mini-seed3' and 'mini-seed4'" in problem.message for problem in problems)
    assert all("one row, 'mini'" in problem.message and "rename one of the two groups" in problem.message for problem in problems)


@pytest.mark.parametrize(
    "added",
    [
        FULL + FULL.replace('"m"', '"m-seed1"') + "seed = 1\n",
        FULL.replace('"m"', '"mini"') + "seed = 5\n" + SEEDS,
        SEEDS + SEEDS.replace('"full"', '"pruned"') + 'strategies = ["top"]\nkeep = [2]\n',
        FULL.replace('"m"', '"mini-seed7"').replace('"short"', '"long"') + SEEDS,
    ],
    ids=["the first without a seed in its name", "one of the seeds without", "rows of other names", "a single one with a seed in its name"],
)
def test_seeds_whose_row_has_a_name_of_its_own_are_taken(tmp_path, added):
    assert load_library(write_workspace(tmp_path, suites={"tiny.toml": SUITE_CARD + "[recipes.long]\n" + added}))


TRIMMED = """
[[grids]]
kind = "full"
bases = ["mini"]
recipes = ["short"]
vocabularies = [{ corpus = ["TinySTS", "more.txt"], size = 200 }, { corpus = ["TinySTS:train"], size = 100 }]

[[grids]]
kind = "pruned"
bases = ["mini"]
recipes = ["short"]
strategies = ["top"]
keep = [2]
vocabularies = [{ corpus = ["TinySTS"], size = 100 }]
"""


def test_a_trimmed_model_has_the_full_one_with_its_whole_vocabulary_as_its_parent(tmp_path):
    workspace = write_workspace(tmp_path, suites={"tiny.toml": SUITE_CARD + FULL + TRIMMED})
    (tmp_path / "models" / "more.txt").write_text("मजकूर\n", encoding="utf-8")
    library = load_library(workspace)
    assert {candidate.name: candidate.parent for candidate in library.candidates["tiny"]} == {
        "chars": None,
        "m": None,
        "mini-v200": "m",
        "mini-v100": "m",
        "mini-top2-v100": "m",
    }


def with_lists(tmp_path, added):
    (tmp_path / "models" / "e5").mkdir(parents=True)
    for name in ("marathi-hindi", "only marathi"):
        (tmp_path / "models" / "e5" / f"{name}.txt").write_text('# from somewhere\n"▁घर"\n', encoding="utf-8")
    return write_workspace(tmp_path, suites={"tiny.toml": SUITE_CARD + added})


ONE_LIST = """
[[grids]]
kind = "full"
bases = ["mini"]
recipes = ["short"]
seeds = [0, 1]
vocabularies = [{ tokens = "e5/marathi-hindi.txt" }]

[[grids]]
kind = "nested"
bases = ["mini"]
recipes = ["short"]
keep = [2]
seeds = [0, 1]
vocabularies = [{ tokens = "e5/marathi-hindi.txt" }]
"""


def test_where_every_model_has_the_same_list_it_is_in_no_name_and_the_full_one_is_the_parent(tmp_path):
    library = load_library(with_lists(tmp_path, ONE_LIST))
    assert {candidate.name: candidate.parent for candidate in library.candidates["tiny"]} == {
        "chars": None,
        "mini-seed0": None,
        "mini-seed1": None,
        "mini-nested2-seed0": "mini-seed0",
        "mini-nested2-seed1": "mini-seed1",
    }


def test_where_the_whole_vocabulary_is_tried_too_that_model_is_the_parent(tmp_path):
    library = load_library(with_lists(tmp_path, FULL + ONE_LIST))
    assert {candidate.parent for candidate in library.candidates["tiny"] if candidate.name.endswith("-seed0")} == {"m"}


def test_a_grid_of_several_vocabularies_names_each_list_by_its_file(tmp_path):
    several = '[{ tokens = "e5/marathi-hindi.txt" }, { tokens = "e5/only marathi.txt" }, { corpus = ["TinySTS"], size = 9 }]'
    library = load_library(with_lists(tmp_path, f'[[grids]]\nkind = "full"\nbases = ["mini"]\nvocabularies = {several}\n'))
    assert [candidate.name for candidate in library.candidates["tiny"]][1:] == ["mini-marathi-hindi", "mini-only-marathi", "mini-v9"]


def test_a_wrong_line_in_a_list_is_told_with_the_field_of_the_card_and_the_line_of_the_list(tmp_path):
    workspace = with_lists(tmp_path, FULL + 'vocabulary = { tokens = "e5/marathi-hindi.txt" }\n')
    path = tmp_path / "models" / "e5" / "marathi-hindi.txt"
    path.write_text('"▁घर"\nघर\n', encoding="utf-8")
    problem = only_problem(workspace)
    assert problem.field == "candidates.1.vocabulary.tokens"
    assert problem.message.startswith(f"{path}:2: expected a token as a JSON string")


def test_a_list_whose_name_is_mistyped_is_told_the_nearest_one(tmp_path):
    problem = only_problem(with_lists(tmp_path, FULL + 'vocabulary = { tokens = "e5/marathi-hndi.txt" }\n'))
    assert "no file 'e5/marathi-hndi.txt' beside this card; did you mean 'marathi-hindi.txt'?" in problem.message


def test_candidates_know_the_folder_of_their_suite_so_that_paths_are_relative_to_it(tmp_path):
    library = load_library(write_workspace(tmp_path, suites={"tiny.toml": SUITE_CARD + GRIDS}))
    assert {candidate.folder for candidate in library.candidates["tiny"]} == {tmp_path / "models"}
    assert library.task("TinySTS").folder == tmp_path / "tasks" / "sts"


def test_a_field_stands_where_it_is_written_or_else_where_the_nearest_table_around_it_begins(tmp_path):
    path = tmp_path / "card.toml"
    path.write_text('a = 1\n[b."c d"]\ne.f = 2\n[[g]]\nh = 3\n[[g.i]]\nj = 4\n[[g]]\nk = 5\n', encoding="utf-8")
    expected = {("a",): 1, ("b", "c d"): 2, ("b", "c d", "e", "f"): 3, ("b", "c d", "x"): 2, ("g", 0, "h"): 5, ("g", 0, "i", 0, "j"): 7, ("g", 1, "h"): 8}
    expected |= {("g", 1, "k"): 9, ("nowhere",): 1}
    assert {location: line_of(path, location) for location in expected} == expected


def test_names_pick_entries_in_the_order_of_the_cards_and_no_names_pick_all():
    available = {"a": 1, "b": 2, "c": 3}
    assert pick([], available, "task") == available
    assert list(pick(["c", "a"], available, "task")) == ["a", "c"]


def test_a_name_that_matches_nothing_is_refused_with_the_nearest_name():
    with pytest.raises(SelectionError, match=r"no task 'Topisc'; did you mean 'Topics'\?"):
        pick(["Topisc"], {"Topics": 1, "STS": 2}, "task")


SLIPS = {
    # id: (what the right card says, what the wrong one says, the field to be named)
    "number as a string": ("type =", 'samples_per_label = "8"\ntype =', "samples_per_label"),
    "number as a truth value": ("type =", "samples_per_label = true\ntype =", "samples_per_label"),
    "branch as a revision": (
        'file = "test.tsv"',
        'hub = "owner/set"\nrevision = "main"',
        "subsets.mr.sources.1.revision",
    ),
    "folder as a field": ("type =", 'folder = "there"\ntype =', "folder"),
    "rows of its own": (STS_CARD[STS_CARD.index("[subsets.mr]") :], 'data = "TinySTS"\n', "data"),
    "test split that no source has": ("type =", 'evaluate_on = "tset"\ntype =', "evaluate_on"),
    "rule looks into a split that no source has": (
        "[subsets.mr]",
        '[[rules]]\nrule = "drop-seen"\nseen_in = "tset"\n[subsets.mr]',
        "rules.0.seen_in",
    ),
}


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [pytest.param(*slip, id=name) for name, slip in SLIPS.items()],
)
def test_a_task_card_that_cannot_mean_what_it_says_is_refused(tmp_path, old, new, field):
    problem = only_problem(write_workspace(tmp_path, tasks={"sts": edited(STS_CARD, old, new)}, suites={}))
    assert field.startswith(problem.field)


def test_the_shipped_cards_load_without_a_problem(tmp_path):
    library = load_library(Workspace(ROOT, tmp_path))
    assert {"mini", "small", "public"} <= set(library.suites)
    for name, suite in library.suites.items():
        candidates = {candidate.name: candidate for candidate in library.candidates[name]}
        assert set(suite.suite.tasks) <= set(library.tasks)
        assert {candidate.parent for candidate in candidates.values()} - {None} <= set(candidates)
        assert all(candidate.parent for candidate in candidates.values() if candidate.kind in {"pruned", "scratch"})


def test_a_mistake_in_a_copy_of_the_shipped_cards_is_told_with_its_line(tmp_path):
    for folder, names in (("tasks", "*/task.toml"), ("models", "*.toml"), ("models", "*/*.txt")):
        for path in (ROOT / folder).glob(names):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    card = tmp_path / "models" / "mini.toml"
    text = edited(card.read_text(encoding="utf-8"), '"KasautiSTS"', '"KasautiST"')
    card.write_text(text, encoding="utf-8")
    problem = only_problem(Workspace(tmp_path, tmp_path))
    assert "KasautiST" in text.splitlines()[problem.line - 1]
    assert "did you mean 'KasautiSTS'" in problem.message
