"""A small grammar of English, so that facts stand among sentences that vary.

`Writer` makes documents without end from one seeded random generator: some sentences of facts, in a random phrasing and
often with a lead-in; some of everyday life; now and then a sequence said in order, or a question and its answer.
"""
from facts import NUMBERS, SEQUENCES, sentence, table

NAMES = ("Anna Ben Clara Daniel Emma Felix Grace Henry Ida Jack Kate Leo Mia Noah Olga Peter Rosa Sam Tom Vera Will Zoe "
         "Alice Bruno Carla David Elsa Frank Hanna Ivan Julia Karl Laura Marco Nina Oscar Paul Ruth Simon Tina").split()
ADJECTIVES = ("old young small big quiet happy tired clever kind strange tall red blue green white long new warm cold "
              "heavy gentle busy lonely brave hungry careful famous poor rich friendly wooden silver").split()
BEINGS = ("man woman farmer teacher child doctor sailor dog cat horse bird baker student soldier king queen writer "
          "painter neighbour stranger girl boy friend cook driver nurse guard singer").split()
THINGS = ("book table chair letter lamp box key stone door window cup coat boat clock map coin basket ladder mirror "
          "bottle rope candle hammer bread apple picture song story garden bridge wall").split()
PLACES = ("house market river forest garden village school station church hill lake field kitchen library harbour "
          "street tower castle valley beach road mountain island city bridge").split()
TRANSITIVE = ("found carried painted bought sold lost wanted saw dropped opened closed broke cleaned hid moved mended "
              "remembered forgot loved described kept drew").split()
INTRANSITIVE = ("slept waited smiled sang laughed walked rested worked ran stood sat danced listened cried whispered "
                "travelled").split()
ADVERBS = "slowly quickly often quietly never always sadly gladly rarely suddenly again together alone early late".split()
PREPOSITIONS = "near in behind by beside above across".split()
TIMES = ["in the morning", "at night", "last summer", "every day", "in winter", "after lunch", "on Sunday", "on Monday",
         "before dinner", "a long time ago", "in spring", "all day", "in the evening", "at noon", "for many years"]

# What may stand before a fact; the fact then goes on in the middle of a sentence.
LEADS = ["everyone knows that", "it is true that", "my teacher said that", "remember that", "I read that",
         "as you know,", "we learned at school that", "it is well known that", "the book says that", "I am sure that",
         "people say that", "of course,", "in fact,", "do not forget that", "{name} told me that", "{name} knows that",
         "{name} said that", "it is easy to see that", "they taught us that", "today we learned that", "yes,", "and",
         "the answer is that", "children learn that"]
MORE = ["", "", "", "", "", ", as {name} says", ", and {name} knows it", ", and everyone knows it", ", of course", ", I think"]


class Writer:
    def __init__(self, facts, random):
        self.facts = [fact for fact in facts for _ in range(fact.weight)]
        self.random = random
        self.countries = [row["country"] for row in table("countries")]
        self.cities = sorted({row["city"] for row in table("landmarks")}
                             | {row["capital"] for row in table("countries")} - {"-"})

    def document(self):
        """A few sentences with a blank between them."""
        count = self.random.choice((1, 2, 3, 4, 5, 6))
        return " ".join(self.any_sentence() for _ in range(count))

    def any_sentence(self):
        roll = self.random.random()
        if roll < 0.80:
            return self.fact()
        if roll < 0.84:
            return self.sequence()
        return sentence(self.everyday()) + "."

    def fact(self):
        pick = self.random.choice
        fact = pick(self.facts)
        tell = fact.tells and self.random.random() < 0.2
        text = pick(fact.tells if tell else fact.asks)
        if self.random.random() < 0.35:
            text = f"{pick(LEADS)} {text}".format(name=pick(NAMES))
        return sentence(text) + pick(MORE).format(name=pick(NAMES)) + "."

    def sequence(self):
        items = self.random.choice(list(SEQUENCES.values()))
        length = self.random.randint(3, min(8, len(items)))
        start = self.random.randrange(len(items) - length + 1)
        return sentence(", ".join(items[start:start + length])) + "."

    def everyday(self):
        pick = self.random.choice
        shape = self.random.randrange(9)
        if shape == 0:
            return f"{self.who()} {pick(TRANSITIVE)} {self.thing()} {pick(TIMES)}"
        if shape == 1:
            return f"{self.who()} {pick(INTRANSITIVE)} {pick(ADVERBS)} {pick(PREPOSITIONS)} the {pick(PLACES)}"
        if shape == 2:
            return f"{pick(TIMES)}, {self.who()} {pick(TRANSITIVE)} {self.thing()} and {pick(INTRANSITIVE)}"
        if shape == 3:
            return f"{pick(NAMES)} travelled from {self.where()} to {self.where()} {pick(TIMES)}"
        if shape == 4:
            return f"there is {self.a(pick(ADJECTIVES))} {pick(PLACES)} in {self.where()}"
        if shape == 5:
            return f"{self.who()} gave {self.thing()} to {self.who()}"
        if shape == 6:
            return f"{pick(NAMES)} has {pick(NUMBERS[2:])} {pick(ADJECTIVES)} {pick(THINGS)}s {pick(PREPOSITIONS)} the {pick(PLACES)}"
        if shape == 7:
            return f"the {pick(BEINGS)} is {pick(ADJECTIVES)} and the {pick(PLACES)} is {pick(ADJECTIVES)}"
        return f"when {self.who()} {pick(INTRANSITIVE)}, {self.who()} {pick(TRANSITIVE)} {self.thing()}"

    def who(self):
        pick = self.random.choice
        roll = self.random.random()
        if roll < 0.4:
            return pick(NAMES)
        if roll < 0.7:
            return f"the {pick(BEINGS)}"
        return f"the {pick(ADJECTIVES)} {pick(BEINGS)}"

    def thing(self):
        pick = self.random.choice
        return f"the {pick(ADJECTIVES)} {pick(THINGS)}" if self.random.random() < 0.5 else self.a(pick(THINGS))

    def where(self):
        return self.random.choice(self.cities if self.random.random() < 0.6 else self.countries)

    @staticmethod
    def a(word):
        return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
