-- One row per question, with the answer to it: what was said until the next question.
with messages as (
    select
        messages.*,
        messages.role in ('user', 'human') as is_question,
        sum(case when messages.role in ('user', 'human') then 1 else 0 end) over (
            partition by messages.chat_id order by messages.position rows unbounded preceding
        ) as turn
    from {{ source('dot', 'messages') }} as messages
),

replies as (
    select
        messages.*,
        row_number() over (partition by chat_id, turn order by position desc) as from_the_end
    from messages
    where (not is_question or is_question is null) and (content is not null or sql is not null)
),

turns as (
    select
        chat_id,
        turn,
        sum(credits) as credits,
        max(seconds_to_answer) as seconds_to_answer,
        max(case when {{ says_one_of('feedback', 'dot_history_negative') }}
            or {{ says_one_of('rating', 'dot_history_negative') }} then 1 else 0 end) = 1 as is_disliked
    from messages
    group by chat_id, turn
)

select
    questions.chat_id,
    questions.position,
    coalesce(questions.created_at, conversations.created_at) as asked_at,
    {{ utc_day('coalesce(questions.created_at, conversations.created_at)') }} as day,
    coalesce(questions.author, conversations.author) as author,
    conversations.environment,
    conversations.workspace,
    conversations.labels,
    questions.content as question,
    replies.chat_id is not null as is_answered,
    replies.content as answer,
    replies.sql,
    replies.tables_used,
    turns.credits,
    turns.seconds_to_answer,
    turns.is_disliked or conversations.is_disliked as is_disliked,
    conversations.has_issue
from messages as questions
inner join {{ ref('dot_conversations') }} as conversations on conversations.chat_id = questions.chat_id
inner join turns on turns.chat_id = questions.chat_id and turns.turn = questions.turn
left join replies
    on replies.chat_id = questions.chat_id and replies.turn = questions.turn and replies.from_the_end = 1
where questions.is_question
