"""Every file of the lexicon parses, keeps to its normal form, and is silent on ordinary prose."""

import re
import time
from functools import cache

import pytest

from classifier import lexicon
from classifier.words import split_name, split_words

PHRASE_FILES = tuple(kind for kind in lexicon.KINDS if kind != "stopwords")
WRITTEN = ("truncation", "share", "comments", "legal", "byline", "blocked")
LANGUAGES = frozenset(
    re.findall(r"\w+", "en de fr es it pt nl da no sv fi pl cs ru uk tr el hu ro ja ko zh ar he hi id vi th")
)
CLASS_SECTIONS = re.findall(
    r"\w+",
    "gate ad promo navigation header footer sidebar related comments share consent content article title"
    " byline caption listing product forum modal hidden code builder",
)
CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
MARKED = re.compile(r"[\u0900-\u097f\u0e00-\u0e7f]")
"""Hindi and Thai: vowel signs part the letters, so phrases are written as read."""

PROSE = (
    "The minister told parliament that the bridge would be repaired before winter.",
    "She walked along the river and thought about the letter in her pocket.",
    "Researchers measured the depth of the lake in three places and found no difference.",
    "He had promised to write, but the winter came and nothing arrived.",
    "The company sold its last factory in 1998 and moved its office to Leeds.",
    "About 100 % of the water comes from springs in the hills.",
    "Nobody in the village remembered who had planted the old oak.",
    "Voters in the northern districts went to the polls on Sunday.",
    "Der Bürgermeister kündigte an, die Brücke noch vor dem Winter zu erneuern.",
    "Sie ging am Fluss entlang und dachte an den Brief in ihrer Tasche.",
    "Rund 100 % des Wassers stammen aus Quellen in den Hügeln.",
    "Im Dorf erinnerte sich niemand daran, wer die alte Eiche gepflanzt hatte.",
    "Die Forscher fanden an drei Stellen des Sees keinen Unterschied.",
    "Le maire a annoncé que le pont serait réparé avant l'hiver.",
    "Elle marchait le long du fleuve en pensant à la lettre dans sa poche.",
    "Personne au village ne se rappelait qui avait planté le vieux chêne.",
    "Les chercheurs ont mesuré la profondeur du lac en trois endroits.",
    "El alcalde anunció que el puente estaría reparado antes del invierno.",
    "Caminaba junto al río y pensaba en la carta que llevaba en el bolsillo.",
    "Nadie en el pueblo recordaba quién había plantado el viejo roble.",
    "Il sindaco ha annunciato che il ponte sarà riparato prima dell'inverno.",
    "Nessuno nel paese ricordava chi avesse piantato la vecchia quercia.",
    "O prefeito anunciou que a ponte será reparada antes do inverno.",
    "Ninguém na aldeia se lembrava de quem plantara o velho carvalho.",
    "De burgemeester zei dat de brug voor de winter hersteld zou zijn.",
    "Niemand in het dorp wist nog wie de oude eik had geplant.",
    "Borgmesteren sagde, at broen ville være repareret inden vinteren.",
    "Ordføreren sa at broen skulle være reparert før vinteren.",
    "Borgmästaren sade att bron skulle vara lagad före vintern.",
    "Pormestari kertoi, että silta korjataan ennen talvea.",
    "Burmistrz powiedział, że most zostanie naprawiony przed zimą.",
    "Starosta řekl, že most bude opraven ještě před zimou.",
    "Мэр сообщил, что мост отремонтируют до наступления зимы.",
    "Никто в деревне не помнил, кто посадил старый дуб.",
    "Мер повідомив, що міст полагодять до настання зими.",
    "Belediye başkanı köprünün kıştan önce onarılacağını söyledi.",
    "Ο δήμαρχος είπε ότι η γέφυρα θα επισκευαστεί πριν από τον χειμώνα.",
    "市長は冬が来る前に橋を直すと話した。",
    "시장은 겨울이 오기 전에 다리를 고치겠다고 말했다.",
    "市长表示，这座桥将在冬天到来之前修好。",
)


@pytest.mark.parametrize("kind", lexicon.KINDS)
def test_phrases_are_listed_by_language_without_repeats(kind):
    phrases = lexicon.load_phrases(kind)
    assert phrases.keys() <= LANGUAGES
    assert all(phrases.values())
    assert [entry for group in phrases.values() for entry in group if group.count(entry) > 1] == []


@pytest.mark.parametrize("kind", [*WRITTEN, "stopwords"])
def test_every_language_is_there(kind):
    assert lexicon.load_phrases(kind).keys() == LANGUAGES


@pytest.mark.parametrize("kind", PHRASE_FILES)
def test_phrases_are_in_normal_form(kind):
    phrases = [phrase for group in lexicon.load_phrases(kind).values() for phrase in group]
    assert [phrase for phrase in phrases if not is_normal(phrase)] == []


def is_normal(phrase):
    if MARKED.search(phrase):
        return phrase == " ".join(phrase.casefold().split())
    words = split_words([phrase])[0]
    return phrase == ("" if CJK.search(phrase) else " ").join(words)


def test_stopwords_are_single_words_and_enough():
    for language, words in lexicon.load_phrases("stopwords").items():
        assert split_words(list(words)) == [[word] for word in words], language
        assert 28 <= len(words) <= 120, language


def test_class_names_are_one_or_two_words():
    sections = lexicon.load_sections("classnames")
    assert sorted(sections) == sorted(CLASS_SECTIONS)
    for names in sections.values():
        assert len(set(names)) == len(names)
        assert [name for name in names if split_name(name) != name.split() or len(name.split()) > 2] == []


@pytest.mark.parametrize("sentence", PROSE)
def test_prose_holds_no_phrase_and_no_placeholder(sentence):
    words = f" {' '.join(split_words([sentence])[0])} "
    assert [phrase for phrase in spelt() if phrase in words] == []
    assert not lexicon.placeholder_pattern().search(sentence)


@cache
def spelt():
    phrases = [
        phrase for kind in PHRASE_FILES for group in lexicon.load_phrases(kind).values() for phrase in group
    ]
    return [f" {' '.join(words)} " for words in split_words(phrases)]


def test_a_kind_that_does_not_exist():
    with pytest.raises(ValueError, match="called 'gates'; choose one of gate, offer"):
        lexicon.load_phrases("gates")
    with pytest.raises(FileNotFoundError):
        lexicon.load_sections("nothing")


@pytest.mark.parametrize(
    "text",
    [
        "Hi {{ user.name }}, you have {{{count}}} articles left",
        "{% if user %}",
        "only ${price} a month",
        "Welcome #{user.name}",
        "[[offer.title]]",
        "<%= title %>",
        "<?= $title ?>",
        "@@version@@",
        "___HEADLINE___",
        "Only __OFFER_PRICE__ a week",
        "%%FIRST_NAME%%",
        "Dear *|FNAME|*",
        "You have read %d of %d articles",
        "Sign in as %1$s",
        "by %s",
        "{0} comments",
        "Read {article_count} more",
        "Hello {firstName}!",
        "[object Object]",
    ],
)
def test_placeholders(text):
    assert lexicon.placeholder_pattern().search(text)


@pytest.mark.parametrize(
    "text",
    [
        "100 % of it",
        "100 % i dag",
        "50% discount",
        "about 5 %, says he",
        "a set {a, b, c} of letters",
        "{ color: red; }",
        r"x^{2} + y_{n}",
        r"\frac{1}{2}",
        r"{{\bf x}}",
        "the pattern [a-z]{2}",
        "see note [[1]]",
        "costs $5 {about}",
        "a < b % c > d",
        "https://example.org/a%20b%2Fc?x=%d1",
        "____________",
        "__init__",
        "some_snake_case",
        "mail me @home or @@ work",
        "[sic] and [...]",
        "C# {x}",
        "@@ -1,3 +1,4 @@",
        "<a onClick={handleClick} style={{ color: red }}>",
    ],
)
def test_what_is_no_placeholder(text):
    assert not lexicon.placeholder_pattern().search(text)


@pytest.mark.parametrize(
    "prefix",
    re.findall(
        r"\S+", "{{ { ${ ${a [[ [[a <% <%= <?= @@ @@a __A ___ _ A_ %% %%a %1$ % *|a {a {aA {% #{a {{a [object"
    ),
)
def test_placeholders_take_linear_time(prefix):
    text = prefix * (1_000_000 // len(prefix))
    start = time.process_time()
    lexicon.placeholder_pattern().search(text)
    assert time.process_time() - start < 5
