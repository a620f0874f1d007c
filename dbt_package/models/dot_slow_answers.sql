-- Answers that say how long they took, the slowest of each month first.
select
    cast(date_trunc('month', day) as date) as month,
    row_number() over (
        partition by date_trunc('month', day) order by seconds_to_answer desc, chat_id, position
    ) as place,
    chat_id,
    position,
    author,
    question,
    seconds_to_answer,
    credits,
    sql
from {{ ref('dot_questions') }}
where seconds_to_answer is not null
