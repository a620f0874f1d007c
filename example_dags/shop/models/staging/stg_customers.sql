select
    id as customer_id,
    first_name || ' ' || last_name as customer_name,
    lower(email) as email,
    country,
    signed_up_on
from {{ ref('raw_customers') }}
