"""The words that the bundled model is said to know are those of its training prompts."""

from lipar_core.models.vocabulary import Vocabulary, read_vocabulary, words_of
from lipar_core.presets import load_preset
from training.prompts import NAMES
from training.vocabulary import vocabulary, vocabulary_file


def test_the_file_has_the_words_of_the_training_prompts():
    written = vocabulary_file().read_text(encoding="utf-8").split()
    assert written == vocabulary(), "`python -m training.vocabulary` writes the file"


def test_names_synonyms_and_the_presets_styles_are_known():
    known = read_vocabulary(vocabulary_file())
    prompts = [name for names in NAMES.values() for name in names]
    prompts += [style.prompt for style in load_preset("tiny").styles]
    assert [word for prompt in prompts for word in known.unknown(words_of(prompt))] == []


def test_words_that_the_model_was_trained_to_ignore_are_unknown():
    known = Vocabulary(vocabulary())
    assert known.unknown(words_of("A Robot, a robot and a castle of Lego: watercolors!")) == ("robot", "castle", "lego")
