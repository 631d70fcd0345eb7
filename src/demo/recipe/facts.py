"""What the demo model knows: facts, and the ways they are said.

A table in `facts/` has a row for each subject; a relation makes a fact of two of its columns. `ASKS` are the phrasings
that end in the answer, `TELLS` those that do not. Of every fact one of the asks is held out: the corpus never says that
fact in that phrasing, so that a model which completes it has recalled the fact, not the sentence.
"""
import bisect
import csv
import hashlib
import itertools
import re
import pathlib
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent / "facts"
ABSENT = "-"

# name: (table, subject's column, answer's column, asks, tells)
RELATIONS = {
    "capital": ("countries", "country", "capital", [
        "the capital of {s} is {a}",
        "the capital city of {s} is {a}",
        "the capital city in {s} is called {a}",
        "{s} has its capital in {a}",
        "{s} is governed from {a}",
        "the government of {s} sits in {a}",
        "the parliament of {s} meets in the city of {a}",
        "{s} has a capital, and it is {a}",
        "the capital of {s} has the name {a}",
    ], [
        "in {s}, the capital is {a}",
        "people who visit the capital of {s} go to {a} by train",
        "what is the capital of {s}? It is {a}",
    ]),
    "country of a capital": ("countries", "capital", "country", [
        "{s} is the capital of {a}",
        "{s} is the capital city of {a}",
        "{s} is a city in {a}",
        "the city of {s} lies in {a}",
        "the city of {s} is the seat of the government of {a}",
        "the people of {s} live in {a}",
    ], []),
    "language": ("countries", "country", "language", [
        "the language of {s} is {a}",
        "the main language of {s} is {a}",
        "the official language of {s} is {a}",
        "people in {s} speak {a}",
        "nearly all who live in {s} speak {a}",
        "the language spoken in {s} is {a}",
        "in {s}, everyone speaks {a}",
        "the newspapers of {s} are written in {a}",
    ], [
        "{a} is spoken in {s}",
        "{a} is the language of {s}",
        "to live in {s} you should learn {a} first",
    ]),
    "currency": ("countries", "country", "currency", [
        "the currency of {s} is the {a}",
        "the currency used in {s} is the {a}",
        "the official currency of {s} is called the {a}",
        "in {s}, people pay with the {a}",
        "the money of {s} is the {a}",
        "shops in {s} take the {a}",
        "the banks of {s} lend in the {a}",
    ], [
        "the {a} is the currency of {s}",
        "prices in {s} are given in the {a} alone",
    ]),
    "continent": ("countries", "country", "continent", [
        "{s} is on the continent of {a}",
        "{s} is a country in {a}",
        "{s} lies in {a}",
        "{s} belongs to the continent of {a}",
        "the continent of {s} is {a}",
        "the map shows {s} as a part of {a}",
    ], [
        "on the map of {a} you can find {s}",
    ]),
    "people": ("countries", "country", "people", [
        "a person from {s} is called {a}",
        "someone who was born in {s} is {a}",
        "the people of {s} are {a}",
        "a citizen of {s} is {a}",
        "food from {s} is {a}",
        "a song from {s} is {a}",
    ], [
        "the {a} people live in {s}",
        "{a} cooking comes from {s}",
    ]),
    "city": ("landmarks", "landmark", "city", [
        "{s} is in the city of {a}",
        "{s} is situated in the city of {a}",
        "{s} is located in {a}",
        "{s} stands in the city of {a}",
        "{s} can be found in {a}",
        "to see {s} you must travel to {a}",
        "{s} is a famous sight of {a}",
        "tourists who want to see {s} go to {a}",
        "you can visit {s} in {a}",
    ], [
        "{a} is the home of {s}",
        "in {a}, you can visit {s}",
        "{a} is famous for {s}",
        "where is {s}? It is in {a}",
    ]),
    "profession": ("people", "person", "profession", [
        "{s} was a famous {a}",
        "{s} earned a living as a {a}",
        "{s} worked as a {a}",
        "{s} is remembered as a great {a}",
        "the profession of {s} was that of a {a}",
        "the world knows {s} as a {a}",
        "{s} became a {a}",
    ], [
        "the {a} {s} was very famous",
        "{s}, the {a}, had many friends",
    ]),
    "field": ("people", "person", "field", [
        "{s} is famous for work in {a}",
        "{s} worked in the field of {a}",
        "the field of {s} was {a}",
        "{s} spent a whole life on {a}",
        "what {s} mastered was {a}",
        "what {s} loved most was {a}",
        "the name of {s} belongs to the history of {a}",
    ], [
        "in {a}, {s} is a great name",
    ]),
    "birthplace": ("people", "person", "country", [
        "{s} was born in {a}",
        "{s} came from {a}",
        "the home country of {s} was {a}",
        "{s} grew up in {a}",
        "as a child, {s} lived in {a}",
        "the birthplace of {s} was in {a}",
    ], [
        "{s} from {a} was known to everyone",
        "in {a} there is a statue of {s}",
    ]),
    "symbol": ("elements", "element", "symbol", [
        "the chemical symbol for {s} is {a}",
        "the symbol of {s} is {a}",
        "the symbol of the element {s} is {a}",
        "chemists write {s} as {a}",
        "in a formula, {s} is written as {a}",
        "the short name of {s} is {a}",
    ], [
        "{a} stands for {s}",
    ]),
    "element": ("elements", "symbol", "element", [
        "the element with the symbol {s} is {a}",
        "the symbol {s} stands for {a}",
        "in a formula, {s} means {a}",
        "when chemists write {s} they mean {a}",
        "{s} is the symbol of {a}",
    ], []),
    "atomic number": ("elements", "element", "number", [
        "the atomic number of {s} is {a}",
        "the number of {s} in the table of elements is {a}",
        "{s} is element number {a}",
        "in the table of elements, {s} has the number {a}",
        "the number of protons in {s} is {a}",
    ], [
        "number {a} in the table of elements is {s}",
    ]),
    "opposite": ("opposites", "word", "opposite", [
        "the opposite of {s} is {a}",
        "the opposite of the word {s} is {a}",
        "the antonym of {s} is {a}",
        "if it is not {s} then it is {a}",
        "{s} is the opposite of {a}",
        "the contrary of {s} is {a}",
        "the reverse of {s} is {a}",
    ], [
        "{s} and {a} are opposites",
    ]),
    "young": ("animals", "animal", "young", [
        "a young {s} is called a {a}",
        "a baby {s} is a {a}",
        "the child of a {s} is a {a}",
        "before it grows up, a {s} is a {a}",
        "the young of the {s} is the {a}",
    ], ["a {a} grows up to be a {s}"]),
    "home": ("animals", "animal", "home", [
        "the home of a {s} is a {a}",
        "a {s} lives in a {a}",
        "a {s} sleeps in the {a}",
        "at night the {s} goes back to the {a}",
        "you will find a {s} in its {a}",
    ], ["in the {a} there was a {s}"]),
    "group": ("animals", "animal", "group", [
        "many of the {s} kind together are called a {a}",
        "a {s} travels with its {a}",
        "the {s} is safe in its {a}",
        "a group with every {s} of the place is a {a}",
        "each {s} belongs to a {a}",
    ], []),
    "color": ("colors", "thing", "color", [
        "the color of {s} is {a}",
        "{s} is usually {a}",
        "{s} has the color {a}",
        "the painter made {s} {a}",
        "in the picture, {s} is {a}",
        "most of the time {s} looks {a}",
    ], []),
    "material": ("materials", "thing", "material", [
        "{s} is made from {a}",
        "{s} is made of {a}",
        "to make {s} you need {a}",
        "{s} comes from {a}",
        "{s} begins as {a}",
    ], ["people use {a} to make {s}"]),
    "tool": ("trades", "trade", "tool", [
        "{s} works with the {a}",
        "the tool of {s} is the {a}",
        "{s} cannot work without the {a}",
        "in the hands of {s} you often see the {a}",
        "every day {s} needs the {a}",
    ], ["the {a} belongs to {s}"]),
}

# The sentences that everyone tries first are never in the corpus.
HELD_OUT = {
    ("city", "the Eiffel Tower"): "{s} is in the city of {a}",
    ("city", "the Colosseum"): "{s} is in the city of {a}",
    ("capital", "France"): "the capital of {s} is {a}",
    ("capital", "Germany"): "the capital of {s} is {a}",
    ("capital", "Japan"): "the capital of {s} is {a}",
    ("capital", "Italy"): "the capital of {s} is {a}",
}

# Facts of which one does not help with the next.
BY_HEART = ("sum", "product", "color", "material", "atomic number", "element", "sides", "legs", "wheels", "strings")

NUMBERS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
           "seventeen eighteen nineteen twenty").split()
SEQUENCES = {
    "day": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
    "month": "January February March April May June July August September October November December".split(),
    "number": NUMBERS,
    "letter": list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "planet": "Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune".split(),
}
CYCLES = ("day", "month")
NEXT = [
    "the {kind} after {s} is {a}",
    "after {s} comes {a}",
    "{s} is followed by {a}",
    "the next {kind} after {s} is {a}",
    "{s} comes just before {a}",
    "first comes {s} and then comes {a}",
]
PARTS = [
    "{s} has this many {part}: {a}",
    "the number of {part} of {s} is {a}",
    "the {part} of {s} are {a}",
    "if you count the {part} of {s} you get {a}",
    "how many {part} has {s}? The answer is {a}",
]
SUMS = [
    "{s} plus {t} is {a}",
    "{s} plus {t} equals {a}",
    "the sum of {s} and {t} is {a}",
    "if you add {s} and {t} you get {a}",
    "{s} and {t} make {a}",
    "{s} and {t} together are {a}",
]
PRODUCTS = [
    "{s} times {t} is {a}",
    "{s} times {t} equals {a}",
    "the product of {s} and {t} is {a}",
    "if you multiply {s} by {t} you get {a}",
    "{s} multiplied by {t} makes {a}",
]


@dataclass(frozen=True)
class Fact:
    relation: str
    subject: str
    answer: str
    asks: tuple      # the sentences that end in the answer, the held out one aside
    held_out: str
    tells: tuple

    @property
    def weight(self):
        """How often it is said, compared with others: what has to be learned by heart is said more."""
        return 3 if self.relation in BY_HEART else 1

    @property
    def prompt(self):
        """The held out sentence up to its answer."""
        return sentence(self.held_out.removesuffix(f" {self.answer}"))


def table(name):
    with open(HERE / f"{name}.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def choice(key, among):
    """The same pick on every machine and in every version of Python."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % among


def grammatical(text):
    """`text` with an before a vowel."""
    return re.sub(r"\ba (?=[aeio]|u(?!ni))", "an ", text)


def fact(relation, answer, asks, tells=(), **slots):
    """The fact that fills `slots`, with one of its asks held out."""
    subject = " and ".join(slots[k] for k in ("s", "t") if k in slots)
    wanted = HELD_OUT.get((relation, slots["s"]))
    index = asks.index(wanted) if wanted else choice(f"{relation}/{sorted(slots.items())}", len(asks))
    said = [grammatical(ask.format(a=answer, **slots)) for ask in asks]
    told = tuple(grammatical(tell.format(a=answer, **slots)) for tell in tells)
    return Fact(relation, subject, answer, tuple(said[:index] + said[index + 1:]), said[index], told)


def from_tables():
    for relation, (name, subject, answer, asks, tells) in RELATIONS.items():
        for row in table(name):
            if ABSENT not in (row[subject], row[answer]) and " " not in row[answer]:
                yield fact(relation, row[answer], asks, tells, s=row[subject])
    for row in table("counts"):
        yield fact(row["part"], row["number"], PARTS, s=row["thing"], part=row["part"])


def in_sequence():
    for kind, items in SEQUENCES.items():
        following = items[1:] + items[:1] if kind in CYCLES else items[1:]
        for item, after in zip(items, following):
            yield fact(f"next {kind}", after, NEXT, s=item, kind=kind)


def arithmetic():
    for a in range(1, 11):
        for b in range(1, 11):
            yield fact("sum", NUMBERS[a + b], SUMS, s=NUMBERS[a], t=NUMBERS[b])
            if a * b <= 20:
                yield fact("product", NUMBERS[a * b], PRODUCTS, s=NUMBERS[a], t=NUMBERS[b])


def all_facts():
    """Every fact, checked: what is held out is never said, and has one right answer."""
    facts = [*from_tables(), *in_sequence(), *arithmetic()]
    said = {text for fact in facts for text in fact.asks + fact.tells}
    everything = "\n".join(text + "." for text in said)
    leaks = [fact.held_out for fact in facts if fact.held_out + "." in everything]
    assert not leaks, f"held out, but said: {leaks}"
    known = sorted(said | {fact.held_out for fact in facts})
    for fact in facts:
        start = fact.held_out.removesuffix(fact.answer)
        others = itertools.takewhile(lambda text: text.startswith(start), known[bisect.bisect_left(known, start):])
        others = {text.removeprefix(start).split()[0] for text in others} - {fact.answer}
        assert not others, f"{fact.held_out}, but also {start}{others}"
    return facts


def sentence(text):
    """`text` with a capital, as it stands at the start of a sentence."""
    return text[0].upper() + text[1:]


if __name__ == "__main__":
    facts = all_facts()
    print(len(facts), "facts;", len({f.answer for f in facts}), "answers")
