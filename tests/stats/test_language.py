import pytest

from pilothouse.stats.language import language_of

SENTENCES = [
    ("en", "What is the capital of Australia and how many people live there?"),
    ("en", "Please write a short poem about the sea."),
    ("en", "Explain why the sky is blue."),
    ("de", "Was ist die Hauptstadt von Australien und wie viele Menschen leben dort?"),
    ("de", "Bitte schreibe mir ein kurzes Gedicht über das Meer."),
    ("de", "Warum ist der Himmel blau?"),
    ("fr", "Quelle est la capitale de l'Australie et combien de gens y vivent ?"),
    ("fr", "Écris un poème court sur la mer, je te prie, pour mon ami."),
    ("es", "¿Cuál es la capital de Australia y cuántas personas viven allí?"),
    ("es", "Escribe un poema corto para mi amigo por favor, que le gusta el mar."),
    ("it", "Qual è la capitale dell'Australia e quante persone ci vivono?"),
    ("it", "Perché il cielo è blu? Non mi è chiaro come si spiega."),
    ("pt", "Qual é a capital da Austrália e quantas pessoas vivem lá? Não sei."),
    ("pt", "Como posso escrever um poema para o meu amigo?"),
    ("nl", "Wat is de hoofdstad van Australië en hoeveel mensen wonen er?"),
    ("nl", "Waarom is de lucht blauw en niet groen?"),
    ("sv", "Vad är huvudstaden i Australien och hur många människor bor där?"),
    ("da", "Hvad er hovedstaden i Australien, og hvorfor er himlen ikke grøn?"),
    ("pl", "Jaka jest stolica Australii i dlaczego niebo jest niebieskie?"),
    ("cs", "Jaké je hlavní město Austrálie a proč je obloha modrá?"),
    ("fi", "Mikä on Australian pääkaupunki ja miksi taivas on sininen?"),
    ("tr", "Avustralya'nın başkenti nedir ve gökyüzü neden mavi?"),
    ("ro", "Care este capitala Australiei și de ce cerul este albastru?"),
    ("hu", "Mi Ausztrália fővárosa és miért kék az ég?"),
    ("ru", "Какая столица Австралии и сколько там живёт людей?"),
    ("uk", "Яка столиця Австралії і скільки людей там живе?"),
    ("zh", "澳大利亚的首都是哪里？那里住着多少人？"),
    ("ja", "オーストラリアの首都はどこですか。人口は何人ですか。"),
    ("ko", "호주의 수도는 어디이며 몇 명이 살고 있나요?"),
    ("ar", "ما هي عاصمة أستراليا وكم عدد السكان هناك؟"),
    ("fa", "پایتخت استرالیا کجاست و چند نفر در آن زندگی می‌کنند؟"),
    ("el", "Ποια είναι η πρωτεύουσα της Αυστραλίας;"),
    ("he", "מהי בירת אוסטרליה וכמה אנשים גרים שם?"),
    ("hi", "ऑस्ट्रेलिया की राजधानी क्या है?"),
    ("th", "เมืองหลวงของออสเตรเลียคืออะไร"),
]


@pytest.mark.parametrize(("language", "text"), SENTENCES, ids=[f"{c}-{t[:12]}" for c, t in SENTENCES])
def test_languages(language: str, text: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize("text", ["", "42", "ok", "x = f(y) + 1", "gpt-4o", "no"])
def test_what_could_be_any_language_is_none(text: str) -> None:
    assert language_of(text) is None


def test_a_foreign_name_does_not_make_a_foreign_text() -> None:
    assert language_of("What does the word 東京 mean, and how is it written in English?") == "en"
    assert language_of("Wie heißt Москва auf Deutsch, und was ist das für eine Stadt?") == "de"
