-- The tables that questions were about, as their answers tell.
select
    element as table_name,
    count(*) as questions,
    count(distinct questions.author) as authors,
    sum(case when questions.is_disliked or questions.has_issue then 1 else 0 end) as complaints,
    min(questions.asked_at) as first_asked_at,
    max(questions.asked_at) as last_asked_at
from {{ ref('dot_questions') }} as questions
{{ json_list('questions.tables_used') }}
where questions.tables_used is not null
group by element
