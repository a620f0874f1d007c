{# Schemas are called what dbt_project.yml calls them: `raw` and `staging`, not `main_raw` and `main_staging`. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
