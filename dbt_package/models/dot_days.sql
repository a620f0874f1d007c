-- How many questions were asked each day, and how many of them were answered.
select
    day,
    environment,
    workspace,
    count(*) as questions,
    count(distinct chat_id) as conversations,
    count(distinct author) as authors,
    sum(case when is_answered then 1 else 0 end) as answered,
    1.0 * sum(case when is_answered then 1 else 0 end) / count(*) as answer_rate,
    sum(credits) as credits
from {{ ref('dot_questions') }}
group by day, environment, workspace
