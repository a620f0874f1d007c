{# Whether the text in `column` is one of the words of a variable. #}
{% macro says_one_of(column, variable) -%}
  coalesce(lower(trim({{ column }})) in (
    {%- for word in var(variable) %}'{{ word | lower | replace("'", "''") }}'{{ ", " if not loop.last }}{% endfor -%}
  ), false)
{%- endmacro %}
