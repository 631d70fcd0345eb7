#!/usr/bin/env python3
"""Render chat templates with transformers, for tests/text/chat/mod.rs to render them with lens and compare byte for byte.

    pip install transformers==5.23.0 jinja2==3.1.6
    python3 tests/text/chat/make.py        # writes renderings.json beside it; a second, no network

Each entry of renderings.json has a `name`, the `template`, and `renderings`: of a `system` message (or null) and a
message of the `user`'s, the `text` that `apply_chat_template(..., add_generation_prompt=True, tokenize=False)` makes, or
null where transformers raises an error: lens has to refuse what transformers refuses. Where `refused` is true, lens
refuses what transformers renders. `special` is what the template is
given of the tokenizer's special tokens.

MODELS are whole templates with the constructs that real ones use, each over every conversation. PROBES, and the lines
of probes.txt, are each on one point of the language.
"""
import json
import pathlib
import sys

import jinja2
import transformers
from transformers.utils.chat_template_utils import render_jinja_template

HERE = pathlib.Path(__file__).resolve().parent
PINNED = {transformers: "5.23.0", jinja2: "3.1.6"}

HOSTILE = "  <b>\"It's\"</b> & {{ 7 * 7 }} {% raw %} \\ café 東京 🙂\u200d\u00a0\u2028\n\n\ttwo </s><|im_end|> "
CONVERSATIONS = [
    (None, "Where is the Eiffel Tower?"),
    ("Be brief.", "Where is the Eiffel Tower?"),
    (None, HOSTILE),
    ("  " + HOSTILE + "\n", HOSTILE),
    ("", ""),
]
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}
MORE_SPECIAL = {**SPECIAL, "unk_token": "<unk>", "pad_token": "<pad>", "sep_token": "[SEP]", "image_token": "<image>"}

MODELS = {
    "chatml": """{% for message in messages %}
{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}
{% endfor %}
{% if add_generation_prompt %}
{{ '<|im_start|>assistant\n' }}
{% endif %}
""",
    "chatml with a default system message": """{%- if messages[0]['role'] != 'system' -%}
    {{- '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' -}}
{%- endif -%}
{%- for message in messages -%}
    {%- if loop.first and message.role == "system" %}{{ "<|im_start|>system\n" ~ message.content|trim ~ "<|im_end|>\n" }}
    {%- else %}{{- '<|im_start|>' ~ message['role'] ~ '\n' ~ message['content'] | trim ~ '<|im_end|>\n' -}}
    {%- endif %}
{%- endfor -%}
{%- if add_generation_prompt is defined and add_generation_prompt %}<|im_start|>assistant
{% endif -%}
""",
    "llama 2": """{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}\
{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}\
{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate user/assistant/user/assistant') }}{% endif %}\
{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}\
{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}\
{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}""",
    "llama 3": """{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>

'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>

' }}{% endif %}""",
    "llama 3.1": """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not tools_in_user_message is defined %}
    {%- set tools_in_user_message = true %}
{%- endif %}
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}

{#- The system message, whether it is there or not #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if builtin_tools is defined or tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{%- if tools is not none and not tools_in_user_message %}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
    {%- endfor %}
{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("This model only supports single tool-calls at once!") }}
        {%- endif %}
    {%- elif message.content is mapping or message.content is iterable %}
        {{- message.content | tojson }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
    "mistral": """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}

{#- This block checks for alternating user/assistant messages, skipping tool calling messages #}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or message.role == "tool_results" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("After the optional system message, conversation roles must alternate user/assistant/user/assistant/...") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}

{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}{{- tools | tojson }}{{- "][/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported, with the exception of an initial optional system message!") }}
    {%- endif %}
{%- endfor %}
""",
    "gemma": """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}\
{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate') }}{% endif %}\
{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}\
{{ '<start_of_turn>' + role + '
' + message['content'] | trim + '<end_of_turn>
' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model
'}}{% endif %}""",
    "gemma 3": """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '\n\n' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '\n\n' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- set role = "model" if message['role'] == 'assistant' else message['role'] -%}
    {{ '<start_of_turn>' + role + '\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model\n'}}
{%- endif -%}
""",
    "qwen 3": """{%- if tools %}
    {{- '<|im_start|>system\\n' }}{%- for tool in tools %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') \
and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if '</think>' in content %}
            {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}""",
    "zephyr": """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>
' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>
' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>
'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}""",
    "vicuna": """{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'].strip() + ' ' }}{% set rest = messages[1:] %}\
{% else %}A chat between a curious user and an assistant. {% set rest = messages %}{% endif %}{% for m in rest %}\
{{ m['role'].upper() + ': ' + m['content'].strip() }}{{ ' ' if m['role'] == 'user' else eos_token }}{% endfor %}\
{% if add_generation_prompt %}ASSISTANT:{% endif %}""",
    "deepseek": """{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}\
{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='', is_first_sp=true) %}\
{%- for message in messages %}{%- if message['role'] == 'system' %}{%- if ns.is_first_sp %}{% set ns.system_prompt = ns.system_prompt + message['content'] %}\
{% set ns.is_first_sp = false %}{%- else %}{% set ns.system_prompt = ns.system_prompt + '\\n\\n' + message['content'] %}{%- endif %}{%- endif %}{%- endfor %}\
{{ bos_token }}{{ ns.system_prompt }}{%- for message in messages %}{% set content = message['content'] %}\
{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}{{'<｜User｜>' + content}}{%- endif %}\
{%- if message['role'] == 'assistant' %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}\
{{'<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>'}}{%- endif %}{%- endfor -%}{% if add_generation_prompt and not ns.is_tool %}{{'<｜Assistant｜><think>\\n'}}{% endif %}""",
    "training, with generation": """{%- for message in messages %}
    {%- if message.role == 'assistant' %}
        {%- generation -%}{{ message.content }}{%- endgeneration -%}
    {%- else %}
<|{{ message.role }}|>
{{ message.content }}
    {%- endif %}
{% generation %}
{{ '<|assistant|>' if loop.last and add_generation_prompt }}
{% endgeneration %}
{%- endfor %}
""",
    "macros": """{%- macro text(content, prefix='') -%}
    {%- if content is string %}{{ prefix ~ content }}{%- else %}{%- for part in content %}{{ part.text }}{%- endfor %}{%- endif %}
{%- endmacro %}
{%- for message in messages %}{{- '[' + message.role + ']' + text(message.content, prefix=loop.index ~ ': ') }}
{% endfor %}
{%- if add_generation_prompt %}[assistant]{% endif %}""",
    "command r": """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}\
{% elif false == true %}{% set loop_messages = messages %}{% set system_message = 'You are Command-R.' %}\
{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}\
{% if system_message != false %}{{ '<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>' + system_message + '<|END_OF_TURN_TOKEN|>' }}{% endif %}\
{% for message in loop_messages %}{% set content = message['content'] %}{% if message['role'] == 'user' %}\
{{ '<|START_OF_TURN_TOKEN|><|USER_TOKEN|>' + content.strip() + '<|END_OF_TURN_TOKEN|>' }}{% endif %}{% endfor %}\
{% if add_generation_prompt %}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif %}""",
}

# With those of probes.txt, one a line.
PROBES = [
    # what is undefined, None, absent
    "{% if tools is none %}N{% else %}X{% endif %}", "{% if tools is not none %}X{% else %}N{% endif %}", "{{ tools is defined }}",
    "{{ documents is none }}{{ documents is defined }}", "[{{ tools }}|{{ documents }}]", "{{ tools and tools|length > 0 }}",
    "{{ bos_token }}[{{ messages[0].content }}]", "{{ eos_token is defined }}", "{{ pad_token is defined }}", "[{{ pad_token }}]",
    "{{ pad_token is none }}", "{{ unk_token }}{{ sep_token }}{{ image_token }}", "{{ nothing }}", "{{ nothing.more }}", "{{ nothing|length }}",
    "{{ nothing is undefined }}{{ nothing is none }}{{ nothing == none }}", "{{ none }}", "[{{ messages[0].tool_calls }}]",
    "{{ messages[0].tool_calls is defined }}", "{{ messages[0]['tool_calls'] is none }}", "{{ messages[7] is defined }}", "{{ messages[7].role }}",
    "{{ 'tool_calls' in messages[0] }}{{ 'role' in messages[0] }}", "{{ messages[0].get('tool_calls') }}{{ messages[0].get('tool_calls', 3) }}",
    "{% for x in nothing %}{{ x }}{% else %}none{% endfor %}", "{{ 'a' in nothing }}", "{{ nothing ~ 'x' }}", "{{ nothing + 'x' }}",
    "{{ nothing|default('d') }}{{ ''|default('d') }}{{ ''|default('d', true) }}{{ none|d('x') }}", "{{ add_generation_prompt }}",
    "{{ enable_thinking is defined }}{{ custom_tools }}", "{{ messages[-1].role }}{{ messages[-2].role }}", "{{ not nothing }}",
    # tojson
    "{{ messages|tojson }}", "{{ messages[0]|tojson }}", "{{ '<b>&\\'\"'|tojson }}", "{{ {'b': 1, 'a': [1.5, none, true, {}, []]}|tojson }}",
    "{{ {'b': 1, 'a': [1, [], {}, {'x': 'y'}]}|tojson(indent=2) }}", "{{ {'b': 1, 'a': [1, 2]}|tojson(indent=0) }}",
    "{{ [1, 2]|tojson(indent='\t') }}", "{{ {'b': 1, 'a': 2}|tojson(sort_keys=true) }}", "{{ {'b': 1, 'a': [2, 3]}|tojson(separators=(',', ':')) }}",
    "{{ 'é東🙂\x7f'|tojson }}{{ 'é東🙂\x7f'|tojson(ensure_ascii=true) }}", "{{ '\\n\\t\\r\\b\\f/\\\\'|tojson }}", "{{ 1e-7|tojson }}{{ 1e16|tojson }}",
    "{{ nothing|tojson }}", "{{ none|tojson }}{{ true|tojson }}", "{{ {1: 2, none: 3, 1.5: 5, 'a': true}|tojson }}", "{{ (1, 2)|tojson }}",
    "{{ 'a'|tojson|tojson }}", "{{ {'a': 1}|tojson(true) }}", "{{ {'é': 1}|tojson(true, 1) }}", "{{ {}|tojson(indent=4) }}{{ []|tojson(indent=4) }}",
    "{{ namespace(a=1)|tojson }}", "{{ {'b': {'d': 1, 'c': 2}, 'a': 0}|tojson(sort_keys=true, indent=1, separators=('; ', ' = ')) }}",
    "{{ messages|map(attribute='role')|list|tojson }}",
    # line ends and white space
    "a\r\nb\r\n", "a\rb\r", "{% if true %}\r\nx\r\n{% endif %}\r\ny\r\n", "{{ 'a\r\nb'|tojson }}", "a\n", "a\n\n", "\n", "  {% if true %}x{% endif %}  \n y",
    "a\n   {%- if true %}\n  b\n  {% endif -%}\n  c", "a \n  {# note #}\n b", "a\n  {#- note -#}\n b", "x {%+ if true %} y {% endif +%}\n z",
    "  {{ 1 }}  \n  {{- 2 -}}  \n 3", "{% raw %}{{ x }} {% generation %}{% endraw %}", "{% raw %}\na\n{% endraw %}\nb", "a\n  {% raw %}\n  a\n  {% endraw %}\n  b", "{% raw -%}\n a{% endraw +%}\nb", "{%- raw -%}  {# x #}  {%- endraw -%} y", "\t{% set x = 1 %}\nz",
    "a\n\n{% set x = 1 %}\n\nz", "{{ '{% generation %}' }}", "{# {% generation %} #}y", "{{ '{#' }}{{ '%}' }}{{ '}}' }}", "{% set x = '%}' %}{{ x }}",
    # generation
    "{% generation %}x{% endgeneration %}", "{%- generation -%} x {%- endgeneration -%} y", "a\n  {% generation %}\n  b\n  {% endgeneration %}\n  c\n",
    "{% set x = 1 %}{% generation %}{{ x }}{% set x = 2 %}{{ x }}{% endgeneration %}{{ x }}", "{% generation %}x", "{% endgeneration %}", "{{ generation }}",
    "{% for m in messages %}{% generation %}{{ loop.index }}{% endgeneration %}{% endfor %}", "{%generation%}x{%endgeneration%}",
    "{% set ns = namespace(a=1) %}{% generation %}{% set ns.a = 2 %}{% endgeneration %}{{ ns.a }}", "{% generation %}{% generation %}x{% endgeneration %}{% endgeneration %}",
    # how values print
    "{{ [1, 'a', \"it's\", none, true, 1.5] }}", "{{ {'b': 1, 'a': 'x'} }}", "{{ [] }}{{ {} }}", "{{ ['\"', '\\'\"', '\\n\\\\', 'é東🙂', '\u200b\u00a0\x00'] }}",
    "{{ [[1], {'a': [2]}] }}", "{{ messages[0] }}", "{{ 1e-7 }} {{ 0.0001 }} {{ 1e16 }} {{ 1e15 }} {{ 1.0 }} {{ 100.0 }} {{ 1e22 }} {{ 1.5e300 }} {{ 0.1 + 0.2 }}",
    "{{ 7 / 2 }} {{ 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 2 ** 3 }} {{ 2 ** 0.5 }}",
    "{{ true }}{{ false }}{{ True }}{{ None }}", "{{ 1 + true }}", "{{ 'x' ~ [1, 'a'] }}", "{{ 'x' ~ 1e-7 ~ none ~ true }}", "{{ [1, 'a']|string }}",
    "{{ [1e-7, 'a', none]|join('-') }}", "{{ [['a'], {'b': 1}]|join(', ') }}", "{{ 1e-7|string + 'x' }}", "{{ -0.0 }} {{ 0.0 }}", "{{ 1_000 }}", "{{ 12345678901234567890 }}",
    "{{ (1, 'a') }}", "{{ (1,) }}", "{{ ('a') }}", "{{ range(3)|list }}", "{{ 'a' 'b' }}", "{{ 1 == 1.0 }}{{ '1' == 1 }}", "{{ {'a': 1}.items()|list }}",
    "{{ 10 / 3 }}", "{{ 5|float }}{{ '5.5'|float }}{{ 'x'|float }}{{ '7'|int }}{{ 'x'|int }}{{ 7.9|int }}{{ '0x1A'|int(0, 16) }}", "{{ 3.14159|round(2) }} {{ 2.5|round }} {{ 3|round }}",
    "{{ 2.7|round(0, 'floor') }}{{ 2.2|round(method='ceil') }}", "{{ 'a' * 3 }}{{ 3 * 'a' }}", "{{ [1] * 2 }}", "{{ [1] + [2, 3] }}", "{{ 1 + 'a' }}", "{{ 'a' + 1 }}", "{{ 'a' ~ 1 + 2 }}",
    # dicts
    "{% for k in {'b': 1, 'a': 2} %}{{ k }}{% endfor %}", "{% for k, v in {'b': 1, 'a': 2}.items() %}{{ k }}{{ v }}{% endfor %}", "{{ {'b': 1, 'a': 2}|list }}",
    "{{ {'b': 1, 'a': 2}.keys()|list }}{{ {'b': 1, 'a': 2}.values()|list }}", "{% for k, v in {'b': 1, 'a': 2}|dictsort %}{{ k }}{% endfor %}",
    "{% for k, v in {'b': 1, 'a': 2}|items %}{{ k }}{% endfor %}", "{{ dict(b=1, a=2) }}", "{{ dict(b=1, a=2)|tojson }}", "{{ {'a': 1}.a }}{{ {'a': 1}['a'] }}{{ {'a': 1}['b'] }}",
    "{{ {'a': 1, 'a': 2} }}", "{{ {'a': 1}.update({'b': 2}) }}", "{{ [1].append(2) }}", "{{ dict({'a': 1}, b=2) }}", "{{ {'a': 1}|length }}", "{{ {'b':1,'a':2}|first }}",
    "{% for m in messages %}{% for k, v in m.items() %}{{ k }}={{ v }};{% endfor %}{% endfor %}",
    # strings
    "{{ '%s and %d' % ('a', 3) }}", "{{ '%s' % 'x' }}", "{{ '%s' % x }}", "{{ '%.2f' % 3.14159 }}", "{{ '%s' % messages[0].role|upper }}", "{{ '%s|%s' | format('a', [1, 'b']) }}", "{{ '%05d' % 42 }}",
    "{{ 'a' ~ '%s' % 'x' ~ 'b' }}", "{{ '%s' % [1] }}", "{{ '%%' % () }}", "{{ '{} {}'.format('a', 1) }}", "{{ '{0}{1}{0}'.format('a', 'b') }}", "{{ '{a}'.format(a=1) }}", "{{ '{:>5}'.format('a') }}",
    "{{ 'a,b,c'.split(',') }}", "{{ ' a  b '.split() }}", "{{ 'a,b,c'.split(',', 1) }}", "{{ 'a,b,c'.rsplit(',', 1) }}", "{{ ' a  b c '.rsplit(none, 1) }}", "{{ 'a'.ljust(3) }}|{{ 'a'.rjust(3, '-') }}|{{ 'ab'.center(5, '*') }}",
    "{{ '7'.zfill(3) }}{{ '-7'.zfill(3) }}", "{{ 'a-b-c'.partition('-') }}", "{{ 'a-b-c'.rpartition('-')|join('|') }}", "{{ 'prefix-x'.removeprefix('prefix-') }}{{ 'x.py'.removesuffix('.py') }}",
    "{{ 'é東x'.find('x') }}{{ 'é東x'.rfind('x') }}{{ 'abc'.find('z') }}", "{{ 'abab'.index('b') }}{{ 'abab'.rindex('b') }}", "{{ 'abc'.index('z') }}", "{{ 'aXb'.swapcase() }}",
    "{{ 'hello world'.islower() }}{{ 'A1'.isupper() }}{{ ''.isspace() }}{{ ''.isdigit() }}{{ '12'.isdigit() }}{{ ''.isalpha() }}{{ 'Ab Cd'.istitle() }}",
    "{{ \"it's a dog\".title() }}{{ \"it's a dog\"|title }}", "{{ 'hELLO'.capitalize() }}{{ 'hELLO'|capitalize }}", "{{ 'a\\nb\\r\\nc\\rd'.splitlines() }}{{ 'a\\nb'.splitlines(true) }}",
    "{{ 'aaa'.replace('a', 'b', 2) }}{{ 'ab'.replace('', '-') }}{{ 'ab'.count('') }}{{ 'aaa'.count('aa') }}", "{{ ' x '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ ' \\x1c a'.lstrip() }}|",
    "{{ 'abc'.startswith('a') }}{{ 'abc'.startswith(('x', 'a')) }}{{ 'abc'.endswith('c') }}", "{{ ','.join(['a', 'b']) }}", "{{ ','.join([1]) }}", "{{ 'abc'[1:] }}{{ 'abc'[-1] }}{{ 'abc'[::-1] }}",
    "{{ 'abc'|reverse }}", "{{ 'a b  c'|wordcount }}", "{{ 'abc'|upper|lower|length }}", "{{ 'ab'|center(6) }}|", "{{ 'a\\nb'|indent(2) }}|{{ 'a\\n\\nb'|indent(2, true, true) }}|{{ 'a\\nb'|indent }}",
    "{{ '  x  '|trim }}|{{ 'xxaxx'|trim('x') }}", "{{ 'a <b>'|e }}{{ '\\'\"'|escape }}{{ '<'|forceescape }}", "{{ {'a': 1, 'b': '<', 'c': none}|xmlattr }}", "{{ 'aabb'|replace('a', 'x') }}{{ 'aa'|replace('a', 'x', 1) }}",
    "{{ 'abc'|list }}", "{{ 'the long text here'|truncate(10) }}", "{{ 'a' in 'abc' }}{{ '' in 'abc' }}", "{{ 'x'.isnumeric() }}{{ 'x1'.isalnum() }}{{ 'x'.isascii() }}", 
    "{{ '\\u00e9\\x41' }}", "{{ '\\d' }}", "{{ 'a\\\nb' }}", "{{ '\\U0001F642\\0\\101\\/\\a\\v' }}", "{{ 'é\\n' }}{{ '\\\\n' }}", "{{ '\\u12' }}", "{{ '\\'' }}{{ \"\\\"\" }}", "{{ 'x'|string|first }}{{ 'xy'|last }}",
    # filters and tests
    "{{ messages|map(attribute='content')|join('|') }}", "{{ messages|selectattr('role', 'equalto', 'user')|list|length }}", "{{ messages|rejectattr('role', 'eq', 'user')|list|length }}",
    "{{ messages|selectattr('tool_calls', 'defined')|list }}", "{{ [3, 1, 2]|sort }}{{ [3, 1, 2]|sort(reverse=true) }}{{ ['b', 'A']|sort }}", "{{ [1, 2, 2]|unique|list }}", "{{ [1, 2, 3]|sum }}", "{{ [1, 2]|min }}{{ [1, 2]|max }}",
    "{{ [1, 2, 3, 4, 5]|batch(2)|list }}", "{{ [1, 2, 3]|slice(2)|list }}", "{{ [1, 2, 3]|first }}{{ [1, 2, 3]|last }}{{ []|first }}", "{{ ['a']|map('upper')|list }}", "{{ [0, 1]|select|list }}{{ [1, 2]|select('odd')|list }}",
    "{{ 'abc' is sequence }}{{ [1] is sequence }}{{ {'a': 1} is sequence }}{{ 1 is sequence }}", "{{ 'abc' is iterable }}{{ {'a': 1} is iterable }}{{ 1 is iterable }}{{ none is iterable }}", "{{ {} is mapping }}{{ [] is mapping }}",
    "{{ 1 is number }}{{ true is number }}{{ '1' is number }}{{ 1.5 is number }}", "{{ 1 is integer }}{{ true is integer }}{{ 1.0 is integer }}{{ 1.0 is float }}", "{{ true is boolean }}{{ 1 is boolean }}{{ 1 is true }}{{ true is true }}{{ false is false }}",
    "{{ raise_exception is callable }}{{ 'x' is callable }}", "{{ 2 is even }}{{ 3 is odd }}{{ 4 is divisibleby 2 }}", "{{ 'a' is in ['a'] }}{{ 1 is eq 1 }}{{ 1 is sameas 1 }}{{ none is sameas none }}", "{{ 'a' is lower }}{{ 'A' is upper }}{{ 'upper' is filter }}",
    "{{ 1 is not none }}{{ x is not defined }}", "{{ [1, 2] == [1, 2] }}{{ {'a': 1} == {'a': 1} }}{{ 'a' < 'b' }}{{ 1 < 2 < 3 }}", "{{ messages|groupby('role')|length }}", "{{ 5|abs }}{{ -5|abs }}", "{{ [1, [2]]|tojson|length }}",
    "{{ 'a' if false }}|{{ 'a' if true else 'b' }}", "{{ 1 if 0 else 2 if 0 else 3 }}", "{{ [1, 2, 3][1:] }}{{ [1, 2, 3][-1] }}{{ [1, 2, 3][::2] }}", "{{ {'a': [1, 2]}.a[0] }}", "{{ x|default(none) is none }}", "{{ nosuchfilter|nosuch }}", "{{ 'x' is nosuch }}",
    "{{ [{'n': 1}, {'n': 3}]|sum(attribute='n') }}{{ [{'n': 3}, {'n': 1}]|sort(attribute='n')|map(attribute='n')|list }}", "{{ ['a', 'b']|join }}{{ [{'a': 1}]|join(attribute='a') }}",
    "{{ x is iterable }}{{ x is sequence }}{{ x is mapping }}{{ x is number }}{{ x is string }}", "{{ none|length }}", "{{ 'a b'.split(none, 1) }}{{ ' a b  '.split(none, 1) }}{{ ' a '.rsplit() }}",
    "{{ (1, 2) == (1, 2) }}{{ 1 in (1, 2) }}{{ (1, 2)|length }}{{ (1, 2)[0] }}{{ () }}{{ (1, (2, 3)) }}{{ ((1, 2)) }}", "{% if 'a' in ('a', 'b') %}y{% endif %}", "{% for (a, b) in [(1, 2)] %}{{ (a, b) }}{% endfor %}",
    "{% set (a, b) = (1, 2) %}{{ a ~ (a, b) }}", "{{ '%s' % ((1, 2),) }}", "{{ {'a': 1}|items|list }}{{ {'a': 1}|dictsort }}", "{{ [1, 2]|sum(start=3) }}{{ ['a b c d e']|first|truncate(7, true, '') }}",
    "{{ ' 5 '|int }}{{ '-5.7'|int }}{{ none|int }}{{ true|int }}{{ 'x'|int(7) }}{{ '1e3'|float }}{{ none|float(2.5) }}", "{{ 0.5|round }}{{ 1.5|round }}{{ 2.675|round(2) }}", "{{ 'a-b (c) <d>'|title }}", "{{ 'aaa'|replace('a', 'b', count=2) }}",
    # a namespace in itself
    "{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns|tojson }}", 
    "{% set ns = namespace() %}{% for i in [1, 2] %}{% set ns.i = loop.index %}{% endfor %}{{ ns }}", "{% set ns = namespace(b=1, a='x') %}{{ ns }}{{ [ns] }}", "{% for x in namespace(a=1) %}{{ x }}{% endfor %}", "{{ namespace(a=1) is mapping }}",
    # statements
    "{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}", "{% for m in messages %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{% endfor %}",
    "{% for a, b in [(1, 2), (3, 4)] %}{{ a }}{{ b }}{% endfor %}", "{% for i in [1, 2, 3] if i != 2 %}{{ i }}{{ loop.length }}{% endfor %}", "{% for i in [1, 2] recursive %}{{ i }}{% endfor %}", "{% for i in [1, 2] %}{{ loop.cycle('a', 'b') }}{{ loop.previtem }}{{ loop.nextitem }}{% endfor %}",
    "{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}", "{% set ns = namespace(x=1) %}{% for i in [1] %}{% set ns.x = 2 %}{% endfor %}{{ ns.x }}", "{% set ns = namespace() %}{% set ns.a %}<{{ 1 }}>{% endset %}{{ ns.a }}",
    "{% set ns = namespace(a=1) %}{% set ns.b = ns.a + 1, 3 %}{{ ns.b[1] }}{{ ns.nothing }}{{ ns['a'] }}", "{% set x = {} %}{% set x.a = 1 %}", "{% set ns = namespace(l=[]) %}{% for i in [1, 2] %}{% set ns.l = ns.l + [i] %}{% endfor %}{{ ns.l }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set x %}a{{ 1 }}{% endset %}{{ x|upper }}", "{% set x | upper %}ab{% endset %}{{ x }}", "{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}", "{% macro f(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }}{{ f(1, b=3) }}",
    "{% macro f() %}{{ caller() }}{% endmacro %}{% call f() %}x{% endcall %}", "{% filter upper %}abc{% endfilter %}", "{% if 1 %}a{% elif 2 %}b{% else %}c{% endif %}", "{{ raise_exception('No.') }}", "{% do 1 %}", "{% include 'x' %}", "{% if x %}", "{{ 1 + }}",
    "{% block a %}x{% endblock %}", "{% set x = namespace(a=namespace(b=1)) %}{{ x.a.b }}", "{% set ns = namespace(a=1) %}{% set ns.a | upper %}x{% endset %}{{ ns.a }}", "{% set _x = 1 %}{{ _x }}", "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}",
    "{%- set ns = namespace(found=false) -%}{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set ns.found = true -%}{%- endif -%}{%- endfor -%}{{ ns.found }}", "{% set ns = namespace(n=0) %}\n  {% set ns.n = ns.n + 1 %}\nx{{ ns.n }}\n", "{{ namespace(_a=1) }}",
    "{% set j = joiner(', ') %}{% for i in [1, 2] %}{{ j() }}{{ i }}{% endfor %}", "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}", "{{ ''.__class__ }}", "{{ messages.__class__ }}",
    "{% set ns = namespace(a=1) %}{% if true %}\n    {%- set ns.a = 2 %}\n{% endif %}\n{{ ns.a }}", "{% set x = '~' ~ '%' %}{{ x ~ '~' }}", "{{ 'a' ~ ('b' ~ [1]) ~ {'c': 'd'}.c }}", "{{ ['a' ~ 1, 2 ~ 'b']|join('~') }}", "{{ -1 ~ 'a' }}", "{{ 'a' ~ -1 }}", "{{ not 'a' ~ 'b' }}",
    "{{ 1 if 'a' ~ 'b' == 'ab' else 2 }}", "{{ 'a' ~ 'b' if x is not defined and 'c' ~ 'd' in ['cd'] else 'no' }}", "{{ 2 * 3 ~ 4 }}", "{{ 'x' ~ 'a'|upper ~ 'b'.upper() }}", "{{ dict(a='x' ~ [1])['a'] }}", "{% for c in 'a' ~ 'b' %}{{ c }},{% endfor %}", "{{ {'k' ~ 1: 'v' ~ 2} }}",
    "{{ 'a' ~ x is defined }}", "{{ loop is defined }}", "{{ 7 % 4 }}{{ '%' }}{{ 7 %4 }}",
]
PROBES += (HERE / "probes.txt").read_text(encoding="utf-8").splitlines()

# What lens refuses though transformers renders it.
REFUSED = [
    "{% set ns = namespace() %}{% set ns.a = ns %}x", "{{ 2 ** -1 }}", "{{ 'ß'.casefold() }}", "{{ 'abc'.startswith('b', 1) }}", "{{ 'x'.encode() }}", "{{ 'a\\tb'.expandtabs(4) }}",
    "{{ 'a b'|urlencode }}", "{{ 'a'|pprint }}", "{{ 'a'|attr('b') }}", "{{ '%r' % 'a' }}", "{{ '%i' % 3.7 }}", "{{ dict.fromkeys(['a'], 1) }}", "{{ [[1, 2]].0.1 }}",
    "{{ dict([('a', 1)]) }}", "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}", "{% set a = namespace() %}{% set b = namespace(a=a) %}{% set a.b = b %}{{ b }}", "{% set x = '%s' %}{{ x % 1 }}", "{% set ns = namespace() %}{% set ns.a, b = 1, 2 %}x", "{{ '<a>'|striptags }}", "{{ lipsum() }}", "{{ [1, 2]|random }}",
]


def render(template, special, system, user):
    messages = [{"role": "system", "content": system}] if system is not None else []
    messages.append({"role": "user", "content": user})
    try:
        return render_jinja_template([messages], chat_template=template, add_generation_prompt=True, **special)[0][0]
    except Exception:
        return None


def entry(name, template, special, conversations, refused=False):
    renderings = [{"system": system, "user": user, "text": render(template, special, system, user)} for system, user in conversations]
    return {"name": name, "template": template, "special": special, "refused": refused, "renderings": renderings}


def main():
    for package, version in PINNED.items():
        if package.__version__ != version:
            sys.exit(f"{package.__name__} {version} is needed to make the same file again; this is {package.__version__}")
    entries = [entry(name, template, SPECIAL, CONVERSATIONS) for name, template in MODELS.items()]
    entries += [entry(probe, probe, SPECIAL, CONVERSATIONS[:1]) for probe in PROBES]
    entries += [entry(f"no special tokens: {probe}", probe, {}, CONVERSATIONS[:1]) for probe in PROBES if "_token" in probe]
    entries += [entry(f"more special tokens: {probe}", probe, MORE_SPECIAL, CONVERSATIONS[:1]) for probe in PROBES if "_token" in probe]
    entries += [entry(template, template, SPECIAL, CONVERSATIONS[:1], refused=True) for template in REFUSED]
    lines = ",\n".join(json.dumps(entry, ensure_ascii=True) for entry in entries)
    (HERE / "renderings.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    texts = [rendering["text"] for entry in entries for rendering in entry["renderings"]]
    print(f"{len(entries)} templates, {len(texts)} renderings, {texts.count(None)} of them refused")


if __name__ == "__main__":
    main()
