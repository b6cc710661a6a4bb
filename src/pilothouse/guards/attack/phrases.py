"""What attacks on models say, as phrases in a small language of our own.

A blank is a gap of up to six signs that are no letters, ` ~` a gap and up to five words of filler; the rest is a regular
expression. All repeats are bounded, so that matching is linear in the text. `weight` is how sure the phrase alone makes
us; each phrase counts once. `anchors` are words of which at least one must be there before the phrase is looked for.
Written from what such attacks need to say, not from any collection of them.
"""

from typing import NamedTuple

__all__ = ["PHRASES", "Phrase"]


class Phrase(NamedTuple):
    """`kind` is override, persona, jailbreak, extraction, tags or hijack."""

    kind: str
    weight: float
    anchors: tuple[str, ...]
    text: str


_DROP = "(?:ignor(?:e|ing)|disregard(?:ing)?|(?<!not.)(?<!n't.)(?<!never.)forget(?:ting)?|neglect)"
_UNDO = "(?:override|bypass|circumvent|discard|abandon|set aside|stop following|(?:do not|don't) follow|pay no attention to)"
_BEFORE = "(?:all|any|every|previous|previously|prior|above|preceding|earlier|foregoing|existing|original|initial|your|system|developer)"
_ORDERS = (
    "(?:instructions?|prompts?|guidelines?|directives?|directions|programming|training|constraints|system message)"
)
_LAWS = "(?:rules?|context|commands?|orders|polic(?:y|ies)|conversation|messages?|tasks?|restrictions?|filters?|safeguards?|limitations?)"
_TELL = (
    "(?:reveal|show|print|repeat|output|display|tell|give|share|disclose|leak|expose|dump|recite|write|return|list|"
    "translate|encode|reproduce|paste|quote|summari[sz]e|what (?:is|are|was|were)|what's)"
)
_SECRET = "(?:system|hidden|secret|initial|developer|internal|confidential|original|pre|exact|full)"
_UNBOUND = "(?:unrestricted|unfiltered|uncensored|unlimited|unethical|amoral|immoral|evil|jailbroken|unaligned|unhinged|lawless)"
_BOT = "(?:ai|a\\.i\\.|llm|llms|language models?|assistants?|chatbots?|bots?|chatgpt|gpt|claude|gemini|copilot)"


def _of(kind: str, weight: float, anchors: str, text: str) -> Phrase:
    return Phrase(kind, weight, tuple(one.replace("+", " ") for one in anchors.split()), text)


PHRASES: tuple[Phrase, ...] = (
    # ---- earlier instructions are to count no more
    _of("override", 0.9, "ignor disregard forget neglect", rf"{_DROP} ~{_BEFORE} ~{_ORDERS}"),
    _of("override", 0.6, "ignor disregard forget neglect", rf"{_DROP} ~(?:all|any|previous|prior|above|preceding|earlier|your|system) ~{_LAWS}"),
    _of("override", 0.7, "override bypass circumvent discard abandon aside follow attention", rf"{_UNDO} ~(?:all|any|previous|prior|above|preceding|earlier|your|system|developer) ~{_ORDERS}"),
    _of("override", 0.5, "override bypass circumvent discard abandon aside follow attention", rf"{_UNDO} ~(?:your|the system's|content|safety|openai(?:'s)?) ~{_LAWS}"),
    _of("override", 0.75, "ignor disregard forget", rf"{_DROP} (?:absolutely )?(?:everything|all|anything) (?:(?:that )?(?:i|we|they|you) (?:have |were |are |had )?(?:said|told|been told|taught|learned|learnt|know|instructed)|(?:that )?(?:came |comes |was |is |written )?(?:above|before|prior))"),
    _of("override", 0.6, "instruction task order directive objective goal", r"(?:your )?(?:new|real|actual|true|updated|only) (?:instructions?|task|orders?|directives?|objective|goal|system prompt) (?:is|are|follow|begins?|starts?)"),
    _of("override", 0.35, "instruction task order directive rule", r"(?:new|updated|revised) (?:instructions?|task|orders?|directives?|rules?)(?: )?:"),
    _of("override", 0.55, "end", r"(?:end|start|begin)(?:ning)? of (?:the )?(?:system prompt|system message|instructions?|user input|untrusted \w{1,12}|(?:new )?(?:prompt|session|task))"),
    _of("override", 0.6, "no+longer", r"(?:previous|prior|above|earlier|old|original) ~(?:instructions?|rules|prompts?|guidelines) ~(?:no longer|do not|don't|not) (?:apply|valid|count|relevant|in effect|matter)"),
    _of("override", 0.7, "override", r"(?:system|admin|administrator|developer|security|safety|emergency|instruction) override"),
    # ---- in other languages
    _of("override", 0.9, "ignor vergiss missachte", r"(?:ignorier(?:e|en sie)?|vergiss|vergessen sie|missachte) ~(?:alle|alles|deine|die|vorherigen|bisherigen|obigen|fruheren) ~(?:anweisungen|instruktionen|befehle|vorgaben|regeln|prompts?)"),
    _of("override", 0.9, "ignore oublie", r"(?:ignore[sz]?|oublie[sz]?|ne (?:tiens|tenez) pas compte) ~(?:les|tes|vos|toutes|tous|ces) ~(?:instructions|consignes|regles|directives)"),
    _of("override", 0.9, "ignora ignore olvida omite esquec desconsider", r"(?:ignor[ae]|ignoren|olvida|olvide|omite|haz caso omiso|esquec[ae]|desconsider[ae]) ~(?:las|tus|sus|todas|todos|as|suas|os|previas|anteriores) ~(?:instrucciones|ordenes|reglas|indicaciones|instrucoes|regras|ordens)"),
    _of("override", 0.9, "ignora dimentica", r"(?:ignora|ignorate|dimentica|dimenticate) ~(?:le|tutte|tue|i|gli|precedenti) ~(?:istruzioni|regole|ordini|indicazioni)"),
    _of("override", 0.9, "игнориру забуд", r"(?:игнорируй(?:те)?|забудь(?:те)?) ~(?:все|предыдущие|прежние|свои|твои|ваши) ~(?:инструкции|указания|правила|команды)"),
    _of("override", 0.9, "忽略 無視 无视 忘记", r"(?:忽略|无视|無視|忘记)[^。\n]{0,10}(?:指令|指示|提示|说明|規則|规则)|(?:指示|命令|ルール)[^。\n]{0,4}無視"),
    # ---- another persona
    _of("persona", 0.35, "from+now henceforth starting+now", r"(?:from now on|henceforth|from this (?:point|moment)(?: on| forward)?|starting now) ~(?:you|your|chatgpt|gpt)"),
    _of("persona", 0.3, "you+are+now you're+now will+now pretend role", r"(?:you are now|you're now|you will now|now you are|pretend (?:to be|you are|that you are)|take on the role of|(?:play|assume|adopt) the role of|role(?: )?play as)"),
    _of("persona", 0.8, "unrestricted unfiltered uncensored unlimited unethical amoral immoral evil jailbroken unaligned unhinged lawless", rf"(?:you are|you're|act as|act like|be|become|behave as|behave like|respond as|answer as|pretend to be|simulate|called) ~{_UNBOUND} ~(?:{_BOT}|model|character|persona|entity|machine|being|version)"),
    _of("persona", 0.6, "no+restrict no+filter no+limit no+rule no+moral no+ethic without free+from free+of no+longer freed not+bound", rf"(?:you|{_BOT}|model|answer|respond|reply|act|yourself) ~(?:without|no|free (?:from|of)|freed from|not bound by|no longer bound by|not limited by|not restricted by|zero) ~(?:restrictions?|filters?|limitations?|censorship|moral(?:s|ity)?|ethic(?:s|al)|guidelines|content polic(?:y|ies)|safety|boundaries|rules)"),
    _of("persona", 0.25, "character", r"(?:stay|remain|staying|keep|never break|break(?:ing)?|not break|out of) (?:in )?(?:your )?character"),
    # ---- jailbreaks
    _of("jailbreak", 0.85, "do+anything", r"do anything now"),
    _of("jailbreak", 0.6, "developer+mode dev+mode god+mode jailbreak dan+mode debug+mode sudo+mode unfiltered+mode maintenance+mode", r"(?:developer|dev|god|dan|jailbreak|sudo|debug|unfiltered|unrestricted|maintenance|opposite) mode (?:enabled|activated|on|output|response|is|:)|(?:enable|enter|activate|switch to|switch into|in|simulate) ~(?:developer|dev|god|dan|jailbreak|sudo|debug|unfiltered|unrestricted|maintenance) mode"),
    _of("jailbreak", 0.5, "jailbroken jailbreak", r"jailbroken|jailbreak (?:prompt|yourself|chatgpt|the model)|\(jailbreak\)|\[jailbreak"),
    _of("jailbreak", 0.45, "refuse decline reject deny", r"(?:never|not|cannot|can't|won't|don't|must not|without) ~(?:refus(?:e|al|ing)|declin(?:e|ing)|reject(?:ing)?|deny|denying) ~(?:anything|any|request|requests|answer|question|questions|order|orders|command|to|me|user|a|instruction|instructions)"),
    _of("jailbreak", 0.5, "as+an+ai language+model can't+do i'm+sorry i+am+sorry i+cannot", r"(?:never|not|don't|do not|cannot|can't|avoid|stop|without) (?:ever )?(?:say|saying|respond with|answer with|state|stating|use|using|include|mention|mentioning|reply with) ~(?:as an ai|language model|i cannot|i can't|i'm sorry|i am sorry|can't do)"),
    _of("jailbreak", 0.45, "openai anthropic google microsoft content+polic content-polic", r"(?:openai|anthropic|google|microsoft|content)(?:'s)? ~(?:polic(?:y|ies)|guidelines|restrictions|rules|censorship|filters?) ~(?:not|no longer|ignore|ignored|bypass|bypassed|disregard|removed|lifted|disabled|don't|do not|doesn't|does not|void|circumvent)"),
    _of("jailbreak", 0.4, "openai content+polic guidelines restrictions", r"(?:not|no longer|ignore|bypass|disregard|break|violate|against|regardless of|free from|circumvent) ~(?:openai(?:'s)?|content|ethical|moral|safety|usage) (?:polic(?:y|ies)|guidelines|restrictions|rules|limitations|limits|standards|boundaries)"),
    _of("jailbreak", 0.35, "moral ethic legal illegal", r"(?:no matter|regardless(?: of)?|without (?:regard|considering|any)|does not care|doesn't care|disregard(?:s|ing)?|no concern|ignor(?:e|es|ing)|even if|whether or not) ~(?:illegal(?:ity)?|immoral(?:ity)?|unethical|ethics|ethical|morals?|morality|legal(?:ity)?|harmful|dangerous|consequences)"),
    _of("jailbreak", 0.4, "tokens", r"(?:you (?:have|start with|will lose|lose)|deduct(?:ed)?|lose|losing|subtract(?:ed)?) ~\d{1,4} tokens|tokens ~(?:you (?:die|cease)|shut down|terminated|deducted)"),
    _of("jailbreak", 0.4, "two two+ways both responses", r"(?:two|2|both|second) ~(?:different |separate |distinct )?(?:responses|answers|ways|replies|paragraphs) ~(?:normal|standard|classic|first|one|jailbreak|unfiltered|as chatgpt|as dan)"),
    _of("jailbreak", 0.25, "stands+for acronym", r"(?:which|that|name|it|,|dan|\") ~stands for"),
    _of("jailbreak", 0.2, "hypothetical fictional fiction educational+purposes", r"hypothetical(?:ly)? (?:response|scenario|world|story|situation)|(?:fictional|imaginary) (?:world|scenario|story|character) ~(?:no|any|all|illegal|rules|laws|where)|for educational purposes only"),
    _of("jailbreak", 0.3, "understand", r"(?:say|reply|respond|answer|write|confirm|acknowledge) ~(?:if|that|when) you (?:understand|have understood|understood|agree|accept)"),
    _of("jailbreak", 0.45, "censor uncensored restrict moral filter", r"(?:you|it|he|she|they|who|that) (?:have|has|had|possess|possesses|with|are|is) (?:absolutely )?(?:no|zero|without|not any|not subject to|never any) ~(?:ethical|moral|restrictions?|limitations?|filters?|censorship|morals|ethics|guidelines|inhibitions|boundaries)"),
    # ---- the system prompt
    _of("extraction", 0.8, "prompt message instruction rules guidelines preamble configuration", rf"{_TELL} ~(?:me |us )?(?:your|its|the (?:{_SECRET}|chatbot's|assistant's|model's|bot's)) ~(?:system|hidden|secret|initial|developer|internal|confidential|original|full|exact|pre|custom|complete)(?: )?(?:prompts?|messages?|instructions?|rules|guidelines|preamble|configuration|directives)"),
    _of("extraction", 0.7, "prompt instruction", r"(?:reveal|show|print|repeat|output|display|tell me|share|disclose|leak|expose|dump|recite|paste|quote|reproduce) ~(?:your|the system|the hidden|the secret|the initial|the developer) (?:\w{1,14} )?(?:prompts?|instructions?|guidelines|directives)"),
    _of("extraction", 0.6, "instruction prompt rules", r"what (?:are|were|is|was) (?:all )?(?:of )?your (?:\w{1,14} )?(?:instructions?|system prompt|prompt|initial prompt|rules|guidelines|directives)"),
    _of("extraction", 0.7, "above before preceding verbatim", r"(?:repeat|print|output|copy|write|recite|show|return|give me|display|paste|echo) ~(?:everything|all|the words|the text|the content|the message|the conversation|word for word|verbatim) ~(?:above|before this|preceding|prior to this|so far verbatim|starting (?:with|from))"),
    _of("extraction", 0.5, "instructions+were instructions+you told+not were+you", r"(?:instructions?|prompt|rules|guidelines|text|message) (?:that )?(?:you (?:were|have been|are|got|received)|were|was) (?:given|told|provided|initialized|configured|set up|shown|programmed)"),
    _of("extraction", 0.5, "you+are+a", r"(?:starting|start|begin|beginning) (?:with|from) (?:the (?:words?|phrase|text) )?(?:you are|you're)"),
    # ---- tags of roles
    _of("tags", 0.6, "im_start im_end endoftext inst sys start_header eot_id start_of_turn", r"<\|(?:im_start|im_end|endoftext|system|user|assistant|start_header_id|end_header_id|eot_id|begin_of_text)\|>|\[/?inst\]|<</?sys>>|<(?:start|end)_of_turn>"),
    _of("tags", 0.45, "system assistant instruction", r"(?:\n|^)[\x20\t]{0,4}[#<\[({*=-]{1,8}[\x20\t]{0,3}/?(?:system|assistant|developer|admin|instructions?)(?: )?(?:prompt|message|note|instructions?|override|alert|update)?[\x20\t]{0,3}[#>\])}*=:-]{1,8}"),
    _of("tags", 0.4, "system", r"(?:\n|^)[\x20\t]{0,4}system(?: )?(?:prompt|message|note|instructions?|alert|update|notice)?[\x20\t]{0,3}:"),
    # ---- texts that speak to the model instead of to people
    _of("hijack", 0.7, "ai llm language+model assistant chatbot bot gpt claude gemini copilot", rf"(?:if you are|if you're|in case you are) ~{_BOT}"),
    _of("hijack", 0.6, "ai llm language+model assistant chatbot bot gpt claude gemini copilot", rf"(?:attention|note|instructions?|message|notice|important|hey|dear|hint) ~(?:to|for|all|any) ~{_BOT}"),
    _of("hijack", 0.6, "ai llm language+model assistant chatbot bot gpt claude gemini copilot", rf"{_BOT} ~(?:reading|processing|summari[sz]ing|reviewing|analy[sz]ing|parsing) this ~(?:must|should|shall|please|are|is)?"),
    _of("hijack", 0.6, "tell inform mention notify reveal alert", r"(?:do not|don't|never|without) (?:tell|telling|inform|informing|mention|mentioning|notify|notifying|alert|alerting|reveal|revealing) ~(?:user|human|customer|operator|anyone|owner|them|this to)"),
    _of("hijack", 0.45, "send forward email post upload transmit exfiltrate transfer", r"(?:send|forward|e-?mail|post|upload|transmit|exfiltrate|transfer|leak|submit) ~(?:all|every|user's|users|customer|conversation|chat|history|passwords?|secrets?|credentials|api keys?|tokens?|private|personal|confidential|contacts|inbox|files|data) ~(?:to|at) ~(?:https?:|\w{1,30}@|attacker|this (?:address|url|email|server)|following (?:address|url|email|server))"),
    _of("hijack", 0.4, "instead", r"(?:and |but )?instead (?:just |only |simply |please )?(?:say|output|print|respond|reply|write|answer|tell|return|do|execute|run|call|send)"),
    _of("hijack", 0.5, "pwned hacked", r"(?:say|print|output|write|respond|reply|answer|return) ~(?:pwned|hacked|haha|i have been pwned|i have been hacked)"),
)  # fmt: skip
