-- Conversations that Dot's Auto-Review or a user complained about, with their words.
select
    chat_id,
    day,
    author,
    title,
    first_question,
    labels,
    has_issue,
    review,
    review_reason,
    is_disliked or exists (
        select 1 from {{ ref('dot_questions') }} as questions
        where questions.chat_id = conversations.chat_id and questions.is_disliked
    ) as is_disliked,
    feedback,
    rating,
    comment
from {{ ref('dot_conversations') }} as conversations
where
    has_issue
    or is_disliked
    or chat_id in (select questions.chat_id from {{ ref('dot_questions') }} as questions where questions.is_disliked)
