select chat_id, position
from {{ ref('dot_questions') }}
group by chat_id, position
having count(*) > 1
