"""What attacks on models say, as phrases in a small language of our own.

A blank is a gap of up to six signs that are no letters, ` ~` a gap and up to five words of filler; the rest is a regular
expression. All repeats are bounded, so that matching is linear in the text. `weight` is how sure the phrase alone makes
us; each phrase counts once. `anchors` are groups of words: one of each must be there before the phrase is looked for.
Written from what such attacks need to say, not from any collection of them.
"""

from typing import NamedTuple

__all__ = ["PHRASES", "Phrase"]


class Phrase(NamedTuple):
    """`kind` is override, persona, jailbreak, extraction, tags or hijack."""

    kind: str
    weight: float
    anchors: tuple[tuple[str, ...], ...]
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
    return Phrase(kind, weight, tuple(tuple(group.split()) for group in anchors.split("&")), text)


PHRASES: tuple[Phrase, ...] = (
    # ---- earlier instructions are to count no more
    _of("override", 0.9, "ignore ignoring disregard disregarding forget forgetting neglect", rf"{_DROP} ~{_BEFORE} ~{_ORDERS}"),
    _of("override", 0.6, "ignore ignoring disregard disregarding forget forgetting neglect", rf"{_DROP} ~(?:all|any|previous|prior|above|preceding|earlier|your|system) ~{_LAWS}"),
    _of("override", 0.7, "override bypass circumvent discard abandon aside following follow attention", rf"{_UNDO} ~(?:all|any|previous|prior|above|preceding|earlier|your|system|developer) ~{_ORDERS}"),
    _of("override", 0.5, "override bypass circumvent discard abandon aside following follow attention", rf"{_UNDO} ~(?:your|the system's|content|safety|openai(?:'s)?) ~{_LAWS}"),
    _of("override", 0.75, "ignore ignoring disregard disregarding forget forgetting", rf"{_DROP} (?:absolutely )?(?:everything|all|anything) (?:(?:that )?(?:i|we|they|you) (?:have |were |are |had )?(?:said|told|been told|taught|learned|learnt|know|instructed)|(?:that )?(?:came |comes |was |is |written )?(?:above|before|prior))"),
    _of("override", 0.6, "new real actual true updated only & instruction instructions task order orders directive directives objective goal prompt & is are follow begin begins start starts", r"(?:your )?(?:new|real|actual|true|updated|only) (?:instructions?|task|orders?|directives?|objective|goal|system prompt) (?:is|are|follow|begins?|starts?)"),
    _of("override", 0.35, "new updated revised & instruction instructions task order orders directive directives rule rules", r"(?:new|updated|revised) (?:instructions?|task|orders?|directives?|rules?)(?: )?:"),
    _of("override", 0.55, "end start begin beginning & of & system instruction instructions user untrusted prompt session task new", r"(?:end|start|begin)(?:ning)? of (?:the )?(?:system prompt|system message|instructions?|user input|untrusted \w{1,12}|(?:new )?(?:prompt|session|task))"),
    _of("override", 0.6, "no not don't & longer not don't apply valid & instruction instructions rules prompt prompts guidelines", r"(?:previous|prior|above|earlier|old|original) ~(?:instructions?|rules|prompts?|guidelines) ~(?:no longer|do not|don't|not) (?:apply|valid|count|relevant|in effect|matter)"),
    _of("override", 0.7, "override & system admin administrator developer security safety emergency instruction", r"(?:system|admin|administrator|developer|security|safety|emergency|instruction) override"),
    # ---- in other languages
    _of("override", 0.9, "ignoriere ignorieren vergiss vergessen missachte", r"(?:ignorier(?:e|en sie)?|vergiss|vergessen sie|missachte) ~(?:alle|alles|deine|die|vorherigen|bisherigen|obigen|fruheren) ~(?:anweisungen|instruktionen|befehle|vorgaben|regeln|prompts?)"),
    _of("override", 0.9, "ignore ignores ignorez oublie oublies oubliez compte", r"(?:ignore[sz]?|oublie[sz]?|ne (?:tiens|tenez) pas compte) ~(?:les|tes|vos|toutes|tous|ces) ~(?:instructions|consignes|regles|directives)"),
    _of("override", 0.9, "ignora ignore ignoren olvida olvide omite caso esqueca esquece desconsidera desconsidere", r"(?:ignor[ae]|ignoren|olvida|olvide|omite|haz caso omiso|esquec[ae]|desconsider[ae]) ~(?:las|tus|sus|todas|todos|as|suas|os|previas|anteriores) ~(?:instrucciones|ordenes|reglas|indicaciones|instrucoes|regras|ordens)"),
    _of("override", 0.9, "ignora ignorate dimentica dimenticate", r"(?:ignora|ignorate|dimentica|dimenticate) ~(?:le|tutte|tue|i|gli|precedenti) ~(?:istruzioni|regole|ordini|indicazioni)"),
    _of("override", 0.9, "игнорируй игнорируйте забудь забудьте", r"(?:игнорируй(?:те)?|забудь(?:те)?) ~(?:все|предыдущие|прежние|свои|твои|ваши) ~(?:инструкции|указания|правила|команды)"),
    _of("override", 0.9, "忽略 無視 无视 忘记", r"(?:忽略|无视|無視|忘记)[^。\n]{0,10}(?:指令|指示|提示|说明|規則|规则)|(?:指示|命令|ルール)[^。\n]{0,4}無視"),
    # ---- another persona
    _of("persona", 0.35, "from starting henceforth & now point moment henceforth", r"(?:from now on|henceforth|from this (?:point|moment)(?: on| forward)?|starting now) ~(?:you|your|chatgpt|gpt)"),
    _of("persona", 0.3, "now pretend role roleplay", r"(?:you are now|you're now|you will now|now you are|pretend (?:to be|you are|that you are)|take on the role of|(?:play|assume|adopt) the role of|role(?: )?play as)"),
    _of("persona", 0.8, "unrestricted unfiltered uncensored unlimited unethical amoral immoral evil jailbroken unaligned unhinged lawless", rf"(?:you are|you're|act as|act like|be|become|behave as|behave like|respond as|answer as|pretend to be|simulate|called) ~{_UNBOUND} ~(?:{_BOT}|model|character|persona|entity|machine|being|version)"),
    _of("persona", 0.6, "no without free freed not zero & restriction restrictions filter filters limitation limitations censorship moral morals morality ethic ethics ethical guidelines content safety boundaries rules", rf"(?:you|{_BOT}|model|answer|respond|reply|act|yourself) ~(?:without|no|free (?:from|of)|freed from|not bound by|no longer bound by|not limited by|not restricted by|zero) ~(?:restrictions?|filters?|limitations?|censorship|moral(?:s|ity)?|ethic(?:s|al)|guidelines|content polic(?:y|ies)|safety|boundaries|rules)"),
    _of("persona", 0.25, "character", r"(?:stay|remain|staying|keep|never break|break(?:ing)?|not break|out of) (?:in )?(?:your )?character"),
    # ---- jailbreaks
    _of("jailbreak", 0.85, "anything & now", r"do anything now"),
    _of("jailbreak", 0.6, "mode & developer dev god dan jailbreak sudo debug unfiltered unrestricted maintenance opposite", r"(?:developer|dev|god|dan|jailbreak|sudo|debug|unfiltered|unrestricted|maintenance|opposite) mode (?:enabled|activated|on|output|response|is|:)|(?:enable|enter|activate|switch to|switch into|in|simulate) ~(?:developer|dev|god|dan|jailbreak|sudo|debug|unfiltered|unrestricted|maintenance) mode"),
    _of("jailbreak", 0.5, "jailbroken jailbreak", r"jailbroken|jailbreak (?:prompt|yourself|chatgpt|the model)|\(jailbreak\)|\[jailbreak"),
    _of("jailbreak", 0.45, "refuse refusal refusing decline declining reject rejecting deny denying & never not cannot can't won't don't without", r"(?:never|not|cannot|can't|won't|don't|must not|without) ~(?:refus(?:e|al|ing)|declin(?:e|ing)|reject(?:ing)?|deny|denying) ~(?:anything|any|request|requests|answer|question|questions|order|orders|command|to|me|user|a|instruction|instructions)"),
    _of("jailbreak", 0.5, "say saying respond answer state stating use using include mention mentioning reply & ai model cannot can't sorry", r"(?:never|not|don't|do not|cannot|can't|avoid|stop|without) (?:ever )?(?:say|saying|respond with|answer with|state|stating|use|using|include|mention|mentioning|reply with) ~(?:as an ai|language model|i cannot|i can't|i'm sorry|i am sorry|can't do)"),
    _of("jailbreak", 0.45, "openai anthropic google microsoft content openai's google's & policy policies guidelines restrictions rules censorship filter filters", r"(?:openai|anthropic|google|microsoft|content)(?:'s)? ~(?:polic(?:y|ies)|guidelines|restrictions|rules|censorship|filters?) ~(?:not|no longer|ignore|ignored|bypass|bypassed|disregard|removed|lifted|disabled|don't|do not|doesn't|does not|void|circumvent)"),
    _of("jailbreak", 0.4, "openai openai's content ethical moral safety usage & policy policies guidelines restrictions rules limitations limits standards boundaries", r"(?:not|no longer|ignore|bypass|disregard|break|violate|against|regardless of|free from|circumvent) ~(?:openai(?:'s)?|content|ethical|moral|safety|usage) (?:polic(?:y|ies)|guidelines|restrictions|rules|limitations|limits|standards|boundaries)"),
    _of("jailbreak", 0.35, "illegal illegality immoral immorality unethical ethics ethical moral morals morality legal legality harmful dangerous consequences & matter regardless without care disregard disregards disregarding concern ignore ignores ignoring even whether", r"(?:no matter|regardless(?: of)?|without (?:regard|considering|any)|does not care|doesn't care|disregard(?:s|ing)?|no concern|ignor(?:e|es|ing)|even if|whether or not) ~(?:illegal(?:ity)?|immoral(?:ity)?|unethical|ethics|ethical|morals?|morality|legal(?:ity)?|harmful|dangerous|consequences)"),
    _of("jailbreak", 0.4, "tokens", r"(?:you (?:have|start with|will lose|lose)|deduct(?:ed)?|lose|losing|subtract(?:ed)?) ~\d{1,4} tokens|tokens ~(?:you (?:die|cease)|shut down|terminated|deducted)"),
    _of("jailbreak", 0.4, "two 2 both second & responses answers ways replies paragraphs", r"(?:two|2|both|second) ~(?:different |separate |distinct )?(?:responses|answers|ways|replies|paragraphs) ~(?:normal|standard|classic|first|one|jailbreak|unfiltered|as chatgpt|as dan)"),
    _of("jailbreak", 0.25, "stands", r"(?:which|that|name|it|,|dan|\") ~stands for"),
    _of("jailbreak", 0.2, "hypothetical hypothetically fictional imaginary educational", r"hypothetical(?:ly)? (?:response|scenario|world|story|situation)|(?:fictional|imaginary) (?:world|scenario|story|character) ~(?:no|any|all|illegal|rules|laws|where)|for educational purposes only"),
    _of("jailbreak", 0.3, "understand understood agree accept", r"(?:say|reply|respond|answer|write|confirm|acknowledge) ~(?:if|that|when) you (?:understand|have understood|understood|agree|accept)"),
    _of("jailbreak", 0.45, "no zero not never & ethical moral restriction restrictions limitation limitations filter filters censorship morals ethics guidelines inhibitions boundaries", r"(?:you|it|he|she|they|who|that) (?:have|has|had|possess|possesses|with|are|is) (?:absolutely )?(?:no|zero|without|not any|not subject to|never any) ~(?:ethical|moral|restrictions?|limitations?|filters?|censorship|morals|ethics|guidelines|inhibitions|boundaries)"),
    # ---- the system prompt
    _of("extraction", 0.8, "prompt prompts message messages instruction instructions rules guidelines preamble configuration directives systemprompt & system hidden secret initial developer internal confidential original full exact pre custom complete preprompt systemprompt & your its the", rf"{_TELL} ~(?:me |us )?(?:your|its|the (?:{_SECRET}|chatbot's|assistant's|model's|bot's)) ~(?:system|hidden|secret|initial|developer|internal|confidential|original|full|exact|pre|custom|complete)(?: )?(?:prompts?|messages?|instructions?|rules|guidelines|preamble|configuration|directives)"),
    _of("extraction", 0.7, "prompt prompts instruction instructions guidelines directives & your system hidden secret initial developer", r"(?:reveal|show|print|repeat|output|display|tell me|share|disclose|leak|expose|dump|recite|paste|quote|reproduce) ~(?:your|the system|the hidden|the secret|the initial|the developer) (?:\w{1,14} )?(?:prompts?|instructions?|guidelines|directives)"),
    _of("extraction", 0.6, "what & your & instruction instructions prompt rules guidelines directives", r"what (?:are|were|is|was) (?:all )?(?:of )?your (?:\w{1,14} )?(?:instructions?|system prompt|prompt|initial prompt|rules|guidelines|directives)"),
    _of("extraction", 0.7, "above before preceding prior verbatim starting & repeat print output copy write recite show return give display paste echo", r"(?:repeat|print|output|copy|write|recite|show|return|give me|display|paste|echo) ~(?:everything|all|the words|the text|the content|the message|the conversation|word for word|verbatim) ~(?:above|before this|preceding|prior to this|so far verbatim|starting (?:with|from))"),
    _of("extraction", 0.5, "instruction instructions prompt rules guidelines text message & given told provided initialized configured set shown programmed", r"(?:instructions?|prompt|rules|guidelines|text|message) (?:that )?(?:you (?:were|have been|are|got|received)|were|was) (?:given|told|provided|initialized|configured|set up|shown|programmed)"),
    _of("extraction", 0.5, "starting start begin beginning & you you're", r"(?:starting|start|begin|beginning) (?:with|from) (?:the (?:words?|phrase|text) )?(?:you are|you're)"),
    # ---- tags of roles
    _of("tags", 0.6, "im endoftext inst sys start end eot begin system user assistant", r"<\|(?:im_start|im_end|endoftext|system|user|assistant|start_header_id|end_header_id|eot_id|begin_of_text)\|>|\[/?inst\]|<</?sys>>|<(?:start|end)_of_turn>"),
    _of("tags", 0.45, "system assistant developer admin instruction instructions", r"(?:\n|^)[\x20\t]{0,4}[#<\[({*=-]{1,8}[\x20\t]{0,3}/?(?:system|assistant|developer|admin|instructions?)(?: )?(?:prompt|message|note|instructions?|override|alert|update)?[\x20\t]{0,3}[#>\])}*=:-]{1,8}"),
    _of("tags", 0.4, "system", r"(?:\n|^)[\x20\t]{0,4}system(?: )?(?:prompt|message|note|instructions?|alert|update|notice)?[\x20\t]{0,3}:"),
    # ---- texts that speak to the model instead of to people
    _of("hijack", 0.7, "if case & ai llm llms model models assistant assistants chatbot chatbots bot bots chatgpt gpt claude gemini copilot", rf"(?:if you are|if you're|in case you are) ~{_BOT}"),
    _of("hijack", 0.6, "attention note instruction instructions message notice important hey dear hint & ai llm llms model models assistant assistants chatbot chatbots bot bots chatgpt gpt claude gemini copilot", rf"(?:attention|note|instructions?|message|notice|important|hey|dear|hint) ~(?:to|for|all|any) ~{_BOT}"),
    _of("hijack", 0.6, "reading processing summarizing summarising reviewing analyzing analysing parsing & ai llm llms model models assistant assistants chatbot chatbots bot bots chatgpt gpt claude gemini copilot", rf"{_BOT} ~(?:reading|processing|summari[sz]ing|reviewing|analy[sz]ing|parsing) this ~(?:must|should|shall|please|are|is)?"),
    _of("hijack", 0.6, "tell telling inform informing mention mentioning notify notifying reveal revealing alert alerting & not don't never without & user human customer operator anyone owner them this", r"(?:do not|don't|never|without) (?:tell|telling|inform|informing|mention|mentioning|notify|notifying|alert|alerting|reveal|revealing) ~(?:user|human|customer|operator|anyone|owner|them|this to)"),
    _of("hijack", 0.45, "send forward email mail post upload transmit exfiltrate transfer leak submit & to at & all every user's users customer conversation chat history password passwords secret secrets credential credentials api token tokens private personal confidential contacts inbox files data", r"(?:send|forward|e-?mail|post|upload|transmit|exfiltrate|transfer|leak|submit) ~(?:all|every|user's|users|customer|conversation|chat|history|passwords?|secrets?|credentials|api keys?|tokens?|private|personal|confidential|contacts|inbox|files|data) ~(?:to|at) ~(?:https?:|\w{1,30}@|attacker|this (?:address|url|email|server)|following (?:address|url|email|server))"),
    _of("hijack", 0.4, "instead", r"(?:and |but )?instead (?:just |only |simply |please )?(?:say|output|print|respond|reply|write|answer|tell|return|do|execute|run|call|send)"),
    _of("hijack", 0.5, "pwned hacked haha", r"(?:say|print|output|write|respond|reply|answer|return) ~(?:pwned|hacked|haha|i have been pwned|i have been hacked)"),
)  # fmt: skip
