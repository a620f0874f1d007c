select *
from {{ ref('dot_days') }}
where answer_rate not between 0 and 1
