{# Schemas are called what dbt_project.yml calls them, `raw` and `staging`; a pull request has its own, `pr_17_staging`. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set own = '' if target.schema == 'main' else target.schema ~ '_' -%}
    {{ (own ~ custom_schema_name if custom_schema_name else target.schema) | trim }}
{%- endmacro %}
