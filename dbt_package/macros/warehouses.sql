{# What warehouses write differently. A project gives its own with a macro such as `snowflake__json_list` of its own. #}

{% macro utc_day(column) -%}
  {{ return(adapter.dispatch('utc_day', 'dot_history')(column)) }}
{%- endmacro %}

{% macro default__utc_day(column) -%}
  cast({{ column }} at time zone 'UTC' as date)
{%- endmacro %}

{# A cross join that gives each element of the JSON list in `column` a row, as `element`. #}
{% macro json_list(column) -%}
  {{ return(adapter.dispatch('json_list', 'dot_history')(column)) }}
{%- endmacro %}

{% macro default__json_list(column) -%}
  {{ exceptions.raise_compiler_error(
      "dot_history knows no JSON lists of " ~ target.type ~ ": write a macro " ~ target.type
      ~ "__json_list(column) and name your project in the dispatch configuration of dot_history"
  ) }}
{%- endmacro %}

{% macro duckdb__json_list(column) -%}
  cross join unnest(from_json({{ column }}, '["VARCHAR"]')) as listed(element)
{%- endmacro %}

{% macro postgres__json_list(column) -%}
  cross join lateral jsonb_array_elements_text(cast({{ column }} as jsonb)) as listed(element)
{%- endmacro %}
