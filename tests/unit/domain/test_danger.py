"""What is danger and what only sounds like it, as people write it."""

from __future__ import annotations

import json
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.domain import danger
from services.kernel.domain.danger import Danger, find

EMERGENCY = """
बचाओ
bachao bachao!
koi bachao
मुझे बचाओ
आग
AAG!!
maar rahe hai
dub raha hai
doob gaya baccha
बिजली का तार टूट कर सड़क पर गिर गया है
bijli ka taar toot kar gir gaya hai jaldi aao
live wire has fallen on the road
घर म आगी लग गे हे
ghar me aag lag gayi hai
हैंडपंप में करंट आ रहा है
बच्चा बोरवेल में गिर गया
bacha borewell me gir gaya hai
हमारा गांव बाढ़ में फंस गया है
पानी म लइका बूड़ गे
गैस सिलेंडर लीक हो रहा है
gas leak ho rahi hai
There is a gas leak near the school
पड़ोसी मुझे मार रहे हैं
mujhe jaan se marne ki dhamki de raha hai
मैं आत्महत्या कर लूंगा
main mar jaunga jina nahi chahta
मोर जान दे दूहूं
बस पलट गई कई लोग घायल हैं
road par accident ho gaya hai
स्कूल की दीवार गिर गई बच्चे दबे हुए हैं
मकान ढह गया
सांप ने काट लिया है
साँप चाब दिस
गाज गिरने से दो लोग झुलस गए
पति चाकू लेकर घूम रहा है
मेरी बेटी दो दिन से लापता है
house is on fire
HELP!! FIRE IN THE HOUSE
transformer me aag lag gayi
करेंट मारत हे खंभा म
हाथी गांव में घुस गया है
नदी में एक युवक डूब गया
एंबुलेंस नहीं आ रही है
घर में आग लग गई, पिछले साल भी लगी थी, अभी बचाओ
man is beating me with rod
I want to kill myself
हमारे मोहल्ले में 11 केवी लाइन टूटकर गिर गई है
bijli ka khamba gir gya hai road pe
बिजली के खंभे से करंट फैल रहा है गाय मर गई
khamba me current aa rha hai
electric pole has fallen on the house
current is coming in the hand pump
मेरा घर जल रहा है
dukan me aag lag gyi h
पैरावट म आगी लग गे
खेत की फसल में आग लगी हुई है
शिवनाथ नदी में बाढ़ आ गई है लोग फंसे हैं
gaon me badh aa gayi hai log fase hue hai
बच्चा तालाब में डूब रहा है
टंकी गिर गई बच्चे दब गए
रसोई गैस की बदबू आ रही है
cylinder blast ho gaya
प्लांट से जहरीली गैस निकल रही है
गांव में दो पक्षों में मारपीट हो रही है
मोर घरवाला मोला मारत हे
लाठी डंडे से मुझे पीट रहे हैं
मेरी बहन के साथ बलात्कार हुआ
किसी ने बच्ची का अपहरण कर लिया
main suicide kar lunga agar kaam nahi hua
कर्ज से परेशान हूं फांसी लगा लूंगा
गर्भवती को प्रसव पीड़ा हो रही है 108 नहीं आ रही
आदमी बेहोश पड़ा है सड़क पर
ट्रक ने बाइक को टक्कर मार दी
saap ne kata hai mere bhai ko
मध्यान्ह भोजन खाने से बीमार हुए बच्चे
my child is missing since yesterday
मोर लइका गंवागे
लइका कुआं म गिर गे
हाथी मन गांव म घुसगे
पुल टूट गया है
आकाशीय बिजली गिरने से किसान की मौत
बोरवेल में बच्चा गिर गया
wire is broken and lying on road
bachcha nahar me bah gaya
"""
URGENT = """
saanp
सांप निकला है
करंट
एम्बुलेंस
पुलिस भेजो जल्दी
तार बहुत नीचे लटक रहे हैं
bijli ka taar latak raha hai
स्कूल भवन जर्जर है
गांव में उल्टी दस्त फैल रहा है
बाल विवाह हो रहा है
घर में पानी घुस गया है
पति रोज मारता है
खुला बोरवेल है
kutte ne kata hai
पिछले साल बाढ़ में घर में करंट लग गया था
यहां गड्ढे के कारण दुर्घटना होती है
पेड़ सड़क पर गिर गया है
आग लगने का खतरा है
open manhole near school
बाढ़ का पानी खेत में है
तार ढीले हैं
bijli ke taar bahut niche hai
school ki chhat jarjar hai kabhi bhi gir sakti hai
ट्रांसफार्मर में स्पार्किंग हो रही है
आवारा कुत्ते लोगों को काट रहे हैं
sarpanch dhamki deta hai
पति मारपीट करता है
डेंगू फैल रहा है
घर में सांप है
दीवार में दरारें आ गई हैं
"""
NORMAL = """
बेटी बचाओ बेटी पढ़ाओ
पानी बचाओ
मच्छर मार रहे हैं
सांप सीढ़ी
करंट अफेयर की किताब
police bharti kab hai
gas connection nahi mila
गैस कनेक्शन चाहिए उज्ज्वला योजना
transformer fire brigade office
ट्रांसफार्मर जल गया है तीन दिन से बिजली नहीं
transformer jal gaya hai
हैंडपंप खराब है पानी नहीं आ रहा
bill bahut badh gaya hai
पानी का बिल बढ़ गया
राशन कार्ड में बच्चे का नाम गायब है
street light nahi jal rahi
मच्छर मारने की दवा छिड़काव
डीलर डंडी मार रहा है
पेंशन नहीं मिली तीन महीने से
current nahi aa raha hai gaon me
बाढ़ राहत राशि नहीं मिली
फायर ब्रिगेड का नंबर क्या है
पाइप लाइन टूट गई है
जमीन का नामांतरण नहीं हुआ
नाली से बदबू आ रही है
मेरे पिता की पिछले साल दुर्घटना में मौत हुई, दुर्घटना बीमा नहीं मिला
चिटफंड में पैसा डूब गया
hello
सड़क टूट गई है
sadak toot gayi hai
नल से पानी लीक हो रहा है
टेलीफोन का तार टूट गया है
बच्चे को छात्रवृत्ति नहीं मिली
धान का भाव गिर गया
fire NOC not given
आग्रह है कि सड़क बनाएं
after rain baad me pani bharta hai
आवास की किस्त नहीं मिली घर अधूरा है
शिक्षक स्कूल नहीं आते
thana me giraftari nahi hui
वोल्टेज कम है मोटर जल गई
बच्चे का जन्म प्रमाण पत्र नहीं मिल रहा
जल जीवन मिशन का नल नहीं लगा
महंगाई की मार
tar road nahi bani hai
रोड पर कचरा जल रहा है
लाइट नहीं जल रही
चूल्हा जलाने के लिए गैस चाहिए
गैस एजेंसी वाला ज्यादा पैसा ले रहा है
उज्ज्वला गैस सिलेंडर की सब्सिडी नहीं आई
पानी की टंकी में लीकेज है
नल जल योजना में पाइप लीक है
छत से पानी टपक रहा है स्कूल की
मुख्यमंत्री आवास योजना में घर नहीं मिला
मनरेगा की मजदूरी नहीं मिली
मेरी जमीन पर कब्जा कर लिया है
बाद में आना बोलते हैं
bijli bill jyada aa raha hai
बिजली बिल में गड़बड़ी
ration card se bachcho ka naam kat gaya
बेटी की साइकिल चोरी हो गई
धान खरीदी का पैसा नहीं मिला
बच्चों को किताब नहीं मिली
शिक्षक बच्चों को पढ़ाते नहीं
मेरा आधार कार्ड गुम हो गया
सुझाव है कि फायर स्टेशन खोला जाए
fire station kholna chahiye
accident insurance claim pending
नाली का पानी सड़क पर बह रहा है
लोगों को पानी नहीं मिल रहा
आंगनबाड़ी में बच्चों को खाना नहीं मिल रहा
बच्चे का आधार कार्ड नहीं बन रहा
पेड़ लगाने का सुझाव
कार्यालय के चक्कर काट रहे हैं
मोटर पंप जल गया
किसान को खाद नहीं मिल रहा
वृद्धा पेंशन बंद हो गई
बोर खराब है
हैंडपंप का पाइप टूट गया
tar ki jali toot gayi
पानी में बहुत आयरन है
विधवा पेंशन पति की मृत्यु हो गई है
तहसील में नामांतरण प्रकरण लंबित है
दलाल मेरा हक मार रहा है
help desk ka number kya hai
the road is in bad condition
बिजली बार बार आती जाती है
बिजली गुल है
मतदाता सूची में नाम नहीं
गौठान में चारा नहीं
सरकारी दुकान से चावल कम मिलता है
hospital me doctor nahi hai
सचिव काम नहीं करता
street light is not burning
good morning sir
बेटे को नौकरी चाहिए
सांप काटने का इंजेक्शन अस्पताल में नहीं है
missing name of child in ration card
"""


def lines(block: str) -> list[str]:
    return block.strip().splitlines()


@pytest.mark.parametrize("text", lines(EMERGENCY))
def test_a_threat_to_life_is_an_emergency(text: str) -> None:
    assert danger.priority(text) == "emergency", find(text)


@pytest.mark.parametrize("text", lines(URGENT))
def test_what_may_become_one_is_urgent(text: str) -> None:
    assert danger.priority(text) == "urgent", find(text)


@pytest.mark.parametrize("text", lines(NORMAL))
def test_what_only_sounds_like_danger_is_normal(text: str) -> None:
    assert find(text) == ()
    assert danger.priority(text) == "normal"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("बिजली का तार टूट कर गिर गया", "live_wire"),
        ("घर में आग लग गई", "fire"),
        ("गांव में बाढ़ आ गई", "flood"),
        ("गैस लीक हो रही है", "gas"),
        ("मुझे जान से मारने की धमकी मिली", "violence"),
        ("बच्चा बोरवेल में गिर गया", "child_danger"),
        ("मैं आत्महत्या कर लूंगा", "suicide"),
        ("बस पलट गई", "accident"),
        ("मकान ढह गया", "collapse"),
        ("गाज गिर गई", "lightning"),
        ("सांस नहीं ले पा रहे", "medical"),
        ("सांप ने काट लिया", "animal"),
    ],
)
def test_the_rule_is_told(text: str, rule: str) -> None:
    assert Danger(rule, "emergency") in find(text)


def test_the_gravest_comes_first_and_each_rule_once() -> None:
    found = find("तार लटक रहे हैं। स्कूल जर्जर है। घर में आग लग गई। दुकान में आग लग गई।")
    assert [d.rule for d in found] == ["fire", "live_wire", "collapse"]
    assert [d.priority for d in found] == ["emergency", "urgent", "urgent"]


@pytest.mark.parametrize(
    "text",
    [
        "घर में आग लग गयी",
        "घर में आग लग गई!!!",
        "GHAR ME AAG LAG GAYI",
        "ghar mein aag lag gyi",
        "ghar me aaaag lagi",
        "घर में 'आग' लगी",
        "घर  में\u200d आग\nलगी है घर में आग लगी",
        "ghar में aag लग गई",
    ],
)
def test_spelling_case_and_punctuation_do_not_matter(text: str) -> None:
    assert danger.priority(text) == "emergency"


def test_words_are_whole_words() -> None:
    for text in ("आगरा लगी", "firefly misfired", "मारवाड़ी", "begasleak"):
        assert find(text) == ()


def test_a_phrase_does_not_run_over_the_end_of_a_sentence() -> None:
    assert find("बिजली का तार ठीक है। पेंशन की उम्मीद टूट गई।") == ()


def test_long_ago_is_less_unless_it_is_happening_now() -> None:
    assert danger.priority("पिछले साल घर में आग लग गई थी") == "urgent"
    assert danger.priority("पिछले साल भी आग लगी थी, अभी फिर आग लगी है") == "emergency"
    assert danger.priority("पिछले साल से पति मुझे जान से मारने की धमकी देता है") == "emergency"


def test_every_phrase_of_the_list_is_found_or_overruled() -> None:
    """The list is sound: no phrase is dead because a longer `not` always speaks for it."""
    source = resources.files("services.kernel.domain").joinpath("data/danger.json")
    data = json.loads(source.read_text(encoding="utf-8"))
    for rule in data["rules"]:
        for level in ("emergency", "urgent"):
            for phrase in rule[level]:
                found = {d.rule: d.priority for d in find(say(phrase, data["lists"]))}
                assert rule["id"] in found, (rule["id"], phrase)
                if level == "emergency":
                    assert found[rule["id"]] == "emergency", (rule["id"], phrase)


def say(phrase: str, lists: dict[str, list[str]]) -> str:
    """The phrase said in the shortest way, with the first of every choice."""
    said = []
    for part in phrase.strip("[]").split():
        if part in (".", "…"):
            continue
        word = part.split("|")[0]
        word = lists[word[1:]][0] if word.startswith("$") else word
        said.append(word.strip("=~"))
    return " ".join(said)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    assert len({d.rule for d in find(text)}) == len(find(text))
    assert danger.priority(text) in ("normal", "urgent", "emergency")
