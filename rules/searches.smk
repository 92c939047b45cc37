# What is searched for, where, by which systems, and what each of these is given.
from itertools import chain

from arkiv.base.declared import in_one_form
from arkiv.encode.settings import AUTO, Weights
from arkiv.evaluate.forgetting import compared_on_general
from arkiv.retrieve.systems import encodings_of, reranking, with_those_below
from arkiv.retrieve.systems.system import OWN_SEARCHES

# The set whose quality is watched, and the collection that it makes.
GENERAL_SET, GENERAL = TRAIN["evaluation"]["general"], "general/"
# Where dev queries are searched, by which systems learn their weights.
DEV = "dev/"
# Where the results of a search lie, and its queries: those of the collection, these
# respelled, those of the general set, or dev queries.
SEARCHED = {
    "": "collection/queries.jsonl",
    "spelling/": "spelling/queries.jsonl",
    GENERAL: f"{GENERAL}collection/queries.jsonl",
    DEV: f"{DEV}collection/queries.jsonl",
}
SPELLING = EVALUATE["spelling"]
# The systems that search both.
RESPELLED = (
    with_those_below(SYSTEMS, SPELLING["systems"]) if SPELLING["queries"] else []
)

# The systems that search the general set too, those that were trained with those that
# they are compared with there.
FORGETTING = list(compared_on_general(SYSTEMS)) if GENERAL_SET else []
ON_GENERAL = list(dict.fromkeys(chain(*FORGETTING)))
SEARCHING_GENERAL = with_those_below(SYSTEMS, ON_GENERAL)

# The systems that add up scores by weights learnt on dev queries, and what they ask.
LEARNING = [
    name for name, system in SYSTEMS.items() if system.learns(EVALUATE["weights"])
]
# By which M3's scores are added up elsewhere: the default's where systems learn theirs.
FIXED_WEIGHTS = (
    in_one_form({"weights": Weights.weights}, Weights)
    if EVALUATE["weights"] == AUTO
    else declared("evaluate", "weights")
)
SEARCHING_DEV = with_those_below(SYSTEMS, LEARNING)

# How texts of a collection become what is searched.
ENCODE_OPTIONS = dict(
    **CUT_PASSAGES,
    **CUT_QUERIES,
    batch_tokens=EVALUATE["batch_tokens"],
    **RUN_OPTIONS,
)


def encoded_for(systems):
    """The models whose encodings these systems read, each with the kinds."""
    return encodings_of({name: SYSTEMS[name] for name in systems})


def reranking_in(measured):
    """The systems there that re-rank, one for each set of candidates."""
    return reranking({name: SYSTEMS[name] for name in systems_in(measured)})


def counting_in(measured):
    """The models whose encodings count the candidates of these."""
    return [model for model in reranking_in(measured).values() if model]


def weights_wanted(model):
    """Whether systems ask for the token weights of a model of the run.

    Then whoever embeds texts with it keeps them too, from the same pass. They belong in
    params that ask for `output`: nothing is embedded again where a system is added.
    """
    return "sparse" in encodings_of(SYSTEMS, EVALUATE["candidates"]).get(model, ())


def asked_in(searched):
    """The systems that are asked what is searched for there."""
    others = {GENERAL: SEARCHING_GENERAL, DEV: SEARCHING_DEV}
    return others.get(searched, RESPELLED) if searched else SYSTEMS


def late_interaction(wildcards):
    """Which passages a model's late interaction scores, if systems there ask it."""
    asked = asked_in(wildcards.searched)
    if "multi_vector" not in encoded_for(asked).get(wildcards.model, ()):
        return {}
    return {"multi_vector": True} | declared("evaluate", "rerank_depth", "candidates")


def runs_beside(wildcards):
    """The runs of what else finds these passages than the model, each by its name."""
    found = late_interaction(wildcards).get("candidates", ())
    return {
        name: results(f"{wildcards.searched}runs/{name}.trec")
        for name in found
        if name not in OWN_SEARCHES
    }


def searched_in(searched):
    """Where the passages of a search lie, and what they are encoded into."""
    return GENERAL if searched == GENERAL else ""


def queries_of(wildcards):
    """The queries that are searched for."""
    return results(SEARCHED[wildcards.searched])


def of_type(kind):
    """The regular expression of the systems of a type, each of which has its rule."""
    names = [name for name, system in SYSTEMS.items() if system.type == kind]
    return "|".join(names) or "no-such-system^"


def files_of(wildcards):
    """What a system is given as flags of these names."""
    system, searched = SYSTEMS[wildcards.system], wildcards.searched
    within = searched_in(searched)
    files = {}
    lacking = wildcards.system not in asked_in(searched)
    if lacking and "multi_vector" in system.encodings:
        raise WorkflowError(
            f"configuration: `evaluate.spelling.systems`: lacks {wildcards.system}, "
            f"which is asked for in {searched}; add it"
        )
    if not system.encodings:
        files["model"] = given_model(model_of_system, wildcards.system)
    if system.reads_texts:
        files |= {
            "corpus": results(f"{within}collection/corpus.jsonl"),
            "queries": queries_of(wildcards),
        }
    if system.encodings:
        files |= {
            "encodings": results(f"{within}encodings/{system.model_of_run}"),
            "query_encodings": results(f"{searched}encodings/{system.model_of_run}"),
        }
    if wildcards.system in LEARNING:
        files["weights_of"] = results(f"weights/{wildcards.system}.json")
    return {name: file for name, file in files.items() if file}


def fitted_on(wildcards):
    """What a system's weights are learnt from, beside dev queries."""
    system = SYSTEMS[wildcards.system]
    if not system.encodings:
        return {
            "runs": [results(f"{DEV}runs/{name}.trec") for name in system.builds_on]
        }
    model = system.model_of_run
    return {
        "corpus": results("collection/corpus.jsonl"),
        "encodings": results(f"encodings/{model}"),
        "query_encodings": results(f"{DEV}encodings/{model}"),
    }


def weights_given(wildcards):
    """The weights of a system of type m3, if it adds up scores and does not learn."""
    name = wildcards.system
    given = SYSTEMS[name].mode == "combined" and name not in LEARNING
    return FIXED_WEIGHTS if given else {}


def runs_below(wildcards):
    """The runs that a system builds on, in the order that weights go by."""
    return [
        results(f"{wildcards.searched}runs/{name}.trec")
        for name in SYSTEMS[wildcards.system].builds_on
    ]


def run_before(wildcards):
    """For respelled queries the run that fills the cache of what both compute first."""
    searched, name = wildcards.searched, wildcards.system
    respelled = searched != searched_in(searched)
    cached = respelled and SYSTEMS[name].cache
    return results(f"runs/{name}.trec") if cached else []


def options_of(wildcards, **shared):
    """Flags of a system: its settings, above those that it shares with others."""
    system = SYSTEMS[wildcards.system]
    own = {key: value for key, value in system.settings().items() if value is not None}
    if wildcards.system in LEARNING:
        own.pop("weights", None)
    if system.cache:
        shared["cache"] = results(f"cache/{system.cache}")
    return flags(runs=runs_below(wildcards) or None, **shared | own)
