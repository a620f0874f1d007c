-- Conversations that Dot still has, with what was thought of them.
select
    chat_id,
    title,
    environment,
    workspace,
    author,
    labels,
    message_count,
    credits,
    review,
    review_reason,
    feedback,
    rating,
    comment,
    created_at,
    updated_at,
    first_question,
    {{ utc_day('created_at') }} as day,
    {{ says_one_of('review', 'dot_history_issues') }} as has_issue,
    {{ says_one_of('feedback', 'dot_history_negative') }}
        or {{ says_one_of('rating', 'dot_history_negative') }} as is_disliked
from {{ source('dot', 'conversations') }}
where deleted_at is null
