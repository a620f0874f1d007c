-- Credits by month, author and label. A conversation with several labels counts under each, one without under none:
-- to add up what was spent, add up dot_conversations.
with labelled as (
    select conversations.chat_id, element as label
    from {{ ref('dot_conversations') }} as conversations
    {{ json_list('conversations.labels') }}
    where conversations.labels is not null
)

select
    cast(date_trunc('month', conversations.day) as date) as month,
    conversations.author,
    labelled.label,
    count(*) as conversations,
    sum(conversations.credits) as credits
from {{ ref('dot_conversations') }} as conversations
left join labelled on labelled.chat_id = conversations.chat_id
group by 1, 2, 3
