# What all rules share, on which alone a file of rules builds, and on places.smk,
# literal.smk and results.smk. Every job parses this file again: nothing heavy here.
import functools
import json
import re
import shlex

from arkiv.base.declared import at
from arkiv.base.row_files import row_files
from arkiv.base.setting_flags import NULL, flags_of
from arkiv.evaluate.baseline import needing_training, without_training
from arkiv.gold.standard import judged_files
from arkiv.llm.settings import OFFLINE
from arkiv.retrieve.systems import system_of, systems_of
from arkiv.settings.configuration import Configuration
from arkiv.settings.datasets import (
    MINED_KINDS,
    following,
    judged_collection,
    kind_of,
    learnt_datasets,
)
from arkiv.settings.in_effect import in_effect
from arkiv.settings.layout import (
    MERGED,
    merged_with,
    model_of_gold,
    model_of_system,
    model_under_test,
    prepared_model,
    rounds_of,
    trainings_of,
)
from arkiv.settings.started import RUN_AGAIN
from arkiv.train.altering import augments
from arkiv.train.given import learnt_from
from arkiv.train.settings import LENGTHS as TRAIN_LENGTHS
from arkiv.train.settings import UNSET
from arkiv.volumes.state import state

# Of what is off the defaults, that a change of it runs nothing again.
IN_EFFECT = in_effect(config)


def declared(section, *names):
    """What is set in a section, a.b, of these names or all, as flags of programs.

    Each is given, whatever its default; of what is off, the default.
    """
    values = IN_EFFECT
    for key in section.split("."):
        values = values[key]
    return flags_of(at(Configuration, section).default, values, *names)


DATASETS = config["datasets"]
QUERIES = config["queries"]
MINING = config["mining"]
TRAIN = config["train"]
MERGE = config["merge"]
EVALUATE = config["evaluate"]
SYSTEMS = systems_of(EVALUATE["systems"])
GOLD = config["gold"]
DISTILL = bool(TRAIN["args"].get("knowledge_distillation"))
# Otherwise training compares a query with the passages of its batch alone.
WITH_NEGATIVES = TRAIN["args"].get("train_group_size") != 1

# Whether texts to train on are respelled or misread.
AUGMENTED = augments(TRAIN["augment"])

# For every program that runs a model.
RUN_OPTIONS = declared("models", "precision", "attention", "trust_remote_code")
# For every program that runs the model to tune, or one that was tuned.
READING = declared("models.embedder", "pooling", "query_prompt", "passage_prompt")
# For every program that cuts queries, or passages, as mining does.
CUT_QUERIES = declared("mining", "query_max_length")
CUT_PASSAGES = {"max_length": MINING["passage_max_length"]}
# Whether mining searches approximately, whose recall is measured.
APPROXIMATE = MINING["index"] == "ivf"
# What is measured, and where: all, or what needs no training, before there is any. That
# the run may take another's place makes nothing; started.smk takes it from the whole.
MEASURED = {"": config, "baseline/": without_training(config | {RUN_AGAIN: False})}
# What people judged.
JUDGED = judged_files(GOLD["sheet"])

# 0, 500, 1000 -> 0-500, 500-1000, 1000-inf: the names that FlagEmbedding's
# split_data_by_length.py gives.
EDGES = config["split"]["edges"]
LENGTHS = [f"{low}-{high}" for low, high in zip(EDGES, [*EDGES[1:], "inf"])]


ROUNDS = rounds_of(config)
TRAININGS = trainings_of(config)
LAST = list(TRAININGS)[-1]


def either(values):
    """The regular expression of a wildcard that has one of these values, or is empty."""
    return f"({'|'.join(values)})"


def results(path):
    """A path below the run's directory."""
    return f"{RUN}/{path}"


# For every program that scores pairs with the reranker.
SCORE_OPTIONS = {
    **declared("teacher", "query_max_length", "max_length", "batch_tokens"),
    "cache": results("cache/scores"),
    **RUN_OPTIONS,
}


def tuned(path):
    """A path below the directory of the training that makes the tuned model."""
    return results(f"{LAST}{path}")


def tuned_model():
    """The directory of the tuned model: of the last training, or merged with another."""
    return results(f"{MERGED}model") if MERGE["with"] else tuned("model")


def log_of(rule, *wildcards, under=""):
    """The log of a rule: logs/RULE/WILDCARDS.log, or logs/RULE.log."""
    return results(f"{under}{Path('logs', rule, *wildcards)}.log")


def benchmark_of(rule, *wildcards, under=""):
    """The benchmark of a rule: benchmarks/RULE/WILDCARDS.tsv."""
    return results(f"{under}{Path('benchmarks', rule, *wildcards)}.tsv")


def kind(dataset):
    """Which kind of source a dataset starts from."""
    return kind_of(DATASETS[dataset])


def source(dataset):
    """What the config says of the source: a path, or the example's size."""
    return DATASETS[dataset][kind(dataset)]


def has_pages(dataset):
    """Whether a dataset starts from pages."""
    return kind(dataset) in ("example", "pages")


def is_mined(dataset):
    """Whether a dataset's negatives are mined here."""
    return WITH_NEGATIVES and kind(dataset) in MINED_KINDS


def is_scored(dataset):
    """Whether a dataset's teacher scores are made here."""
    return DISTILL and kind(dataset) != "scores"


# The datasets that are trained on, and those that are test queries alone.
LEARNT = learnt_datasets(DATASETS)
TEST_SOURCES = [name for name in DATASETS if name not in LEARNT]
# Those of verdicts on passages of the others, whose division they go by; they have no
# dev or test pairs, and what they add to the passages is no test of a search.
FOLLOWING = following(DATASETS)
SEARCHED_DATASETS = [name for name in DATASETS if name not in FOLLOWING]
DIVIDED = [name for name in LEARNT if name not in FOLLOWING]
VERDICTS = [name for name in DATASETS if kind(name) == "judgements"]
WITH_PAGES = list(filter(has_pages, DATASETS))
MINED = list(filter(is_mined, LEARNT))
SCORED = list(filter(is_scored, LEARNT))
# Rounds whose negatives are shown: where none are mined there is nothing new to see.
AUDITED = ROUNDS if MINED else ROUNDS[:1]


def volumes_of(wildcards):
    """The directory of volumes of a dataset that starts from pages."""
    if kind(wildcards.dataset) == "example":
        return results(f"archive/{wildcards.dataset}")
    return as_named(source(wildcards.dataset))


def found_by(dataset):
    """How the volumes of a dataset that starts from pages are found, as flags."""
    given = DATASETS[dataset]
    return {key: given.get(key) for key in ("folder", "volumes_by")}


@functools.cache
def state_of(dataset):
    """A number that is another one once a page of the dataset is; none is read."""
    return state(source(dataset)) if kind(dataset) == "pages" else None


def volumes_table_of(wildcards):
    """The table of a dataset's volumes, where there is one."""
    return as_named(DATASETS[wildcards.dataset].get("volumes", []))


def raw_pairs(dataset):
    """The query-passage pairs of a dataset before they are divided."""
    if has_pages(dataset):
        return [results(f"queries/{dataset}.jsonl")]
    if dataset in VERDICTS:
        return [results(f"verdicts/{dataset}.jsonl")]
    return as_named(row_files(source(dataset)))


def held_out_of(wildcards):
    """The pairs of others, all test queries, that a dataset's division looks at."""
    others = TEST_SOURCES if wildcards.dataset in DIVIDED else []
    return [path for name in others for path in raw_pairs(name)]


def documents_of(wildcards):
    """All documents of a dataset that starts from pages; nothing for ready pairs."""
    if has_pages(wildcards.dataset):
        return [results(f"documents/{wildcards.dataset}.jsonl")]
    return []


def pool_of(wildcards):
    """The files of a dataset's pool of candidates, where there is one.

    Negatives of verdicts are mined among what the other datasets train on; of verdicts
    alone, in the run that was judged.
    """
    if wildcards.dataset in FOLLOWING:
        return [results(f"pairs/{name}/mining.jsonl") for name in DIVIDED]
    if wildcards.dataset in VERDICTS and wildcards.dataset in DIVIDED:
        return as_named(judged_collection(source(wildcards.dataset))[:1])
    pool = DATASETS[wildcards.dataset].get("pool")
    return as_named(row_files(pool)) if pool else []


def brought_by(dataset):
    """What ready rows must bring along, and what all are for, as flags."""
    given = kind(dataset)
    return {
        "negatives": WITH_NEGATIVES and given in ("negatives", "scores"),
        "scores": given == "scores",
        "role": "train" if dataset in FOLLOWING else DATASETS[dataset].get("role"),
    }


def in_round(dataset, round):
    """Where a dataset's train rows of a round lie: negatives that are given stay."""
    return round if round in ROUNDS[1:] and is_mined(dataset) else ROUNDS[0]


def train_negatives(dataset, round=""):
    """A dataset's train pairs with negatives: mined here or given."""
    if is_mined(dataset):
        return results(f"{round}negatives/{dataset}.jsonl")
    return train_pairs(dataset)


def train_rows(dataset, round=""):
    """The finished train rows of a dataset, in parts: scored here or given."""
    if is_scored(dataset):
        where = in_round(dataset, round)
        return gather.pairs(results(f"{where}scores/{dataset}/{{scatteritem}}.jsonl"))
    return [train_negatives(dataset, round)]


def shards_of(datasets, round=""):
    """The shards of datasets in a round, by name of the dataset."""
    places = [f"{in_round(name, round)}shards/{name}" for name in sorted(datasets)]
    return [
        results(f"{place}_len-{length}.jsonl") for place in places for length in LENGTHS
    ]


def of_config(find, *name):
    """What a function of arkiv.settings.layout says of the configuration."""
    try:
        return find(config, *name)
    except InputError as error:
        raise WorkflowError(f"configuration: {error}")


def as_given(directory):
    """The directory of a model as rules name it, if it is one."""
    # Of a run's own models the place has no prefix yet.
    own = directory and directory.startswith(f"{run_folder(config)}/")
    return directory and as_named(placed(directory) if own else directory)


def given_model(find, *name):
    """The directory that a function of arkiv.settings.layout finds, if it finds one."""
    return as_given(of_config(find, *name))


def model_of(role):
    """The directory of the embedder or the reranker: given, or made by prepare_model."""
    return given_model(prepared_model, role)


def model_before(training):
    """The model that a training starts from, or that a round mines with."""
    before = list(TRAININGS).index(training)
    if before == 0:
        return model_of("embedder")
    return results(f"{list(TRAININGS)[before - 1]}model")


def mines_with(wildcards):
    """The model that a round mines with: the base model, or that of the round before."""
    if wildcards.round == ROUNDS[0]:
        return model_of("embedder")
    return model_before(wildcards.round)


def miner_of(wildcards):
    """What systems call the model that a round mines with."""
    before = ROUNDS.index(wildcards.round)
    return f"round_{before}" if before else "base"


def graded_by(method):
    """The regular expression of the parts of the pool that a method grades."""
    return r"\d+-of-\d+" if GOLD["method"] == method else "no-such-part^"


def how_asked(backend, section, journal):
    """How a language model is asked and what it may cost, none of which makes answers.

    A part that is made again for a raised budget asks nothing again: the journal has
    its answers.
    """
    if backend in OFFLINE:
        return {}
    spending = declared(section, "budget") | {"journal": results(journal)}
    if backend == "local":
        return spending | declared("queries.local", "batch_tokens") | RUN_OPTIONS
    keys = ("base_url", "key_variable", "concurrency", "timeout", "retries")
    return spending | declared("queries.openai", *keys)


def growing(amount):
    """A resource that a job which failed gets more of when it is tried again."""
    return lambda wildcards, attempt: amount * attempt


def on_nodes(nodes):
    """The resources with which the slurm executor gives one job several nodes.

    `mpi` has it leave starting processes on them to the job; tasks_per_gpu keeps it
    from asking for one task per GPU.
    """
    if nodes == 1:
        return {}
    return {"nodes": nodes, "tasks": nodes, "tasks_per_gpu": 0, "mpi": "srun"}


def flags(**values):
    """Command-line flags of a map: `a_b=1` becomes `--a-b 1`, `c=True` `--c`.

    None and False are left out; the shell gets every word as it stands. What is set
    belongs in params that do not ask for `input`: Snakemake takes those for a part of
    the inputs, and makes nothing anew where they change.
    """
    words = []
    for name, value in values.items():
        if value is None or value is False:
            continue
        many = value if isinstance(value, (list, tuple)) else [value]
        if value is True:
            many = []
        flag, many = f"--{name.replace('_', '-')}", list(map(str, many))
        if len(many) == 1 and many[0][:1] == "-" and not many[0][1:2].isdigit():
            # Apart, it would be taken for another flag.
            flag, many = f"{flag}={many[0]}", []
        words += [flag, *many]
    return Words(shlex.join(words))


def as_json(value):
    """A value as one word of a command, in JSON."""
    return Words(shlex.quote(json.dumps(value)))


# What a round counted of a dataset.
NEGATIVES = "{round}negatives/{name}.stats.json"
SHARDS = "{round}shards/{name}.split.json"
ALTERED = "{round}augmented/{name}.stats.json"


def by_name(pattern, datasets, round=""):
    """The file that each of these datasets has, by name of the dataset.

    `{round}` in the pattern becomes where the dataset's rows of the round lie.
    """
    return {
        name: results(pattern.format(name=name, round=in_round(name, round)))
        for name in datasets
    }


def named_words(files):
    """NAME=FILE words of pairs of both; A,B=FILE for all files of a like path.

    With `{}` in it for the name: the command of a run with hundreds of datasets would
    otherwise be longer than the system takes.
    """
    alike = {}
    for name, path in files:
        pattern = re.sub(f"(?<=/){re.escape(name)}(?=[/.])", "{}", path)
        alike.setdefault(pattern, []).append((name, path))
    words = []
    for pattern, same in alike.items():
        names, paths = zip(*same)
        words.append(f"{','.join(names)}={pattern if len(names) > 1 else paths[0]}")
    return words


def named(pattern, datasets, round=""):
    """NAME=FILE words of what `by_name` gives."""
    return named_words(by_name(pattern, datasets, round).items())


def name_of(where):
    """The name of the round or stage whose files lie there: round_1."""
    kind, number = Path(where).parts or ("rounds", "1")
    return f"{kind.removesuffix('s')}_{number}"


def which(where):
    """The round or stage whose files lie there, in words; nothing for the only one."""
    if len(TRAININGS) == 1:
        return ""
    return f" ({name_of(where).replace('_', ' ')})"


def numbered(pattern, places):
    """NAME=FILE words of the file that each round or stage has, by its name."""
    return [f"{name_of(where)}={results(pattern.format(where))}" for where in places]
