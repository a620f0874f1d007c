select
    ordered_on as day,
    count(*) as order_count,
    count(distinct customer_id) as customer_count,
    sum(amount) as revenue
from {{ ref('orders') }}
where status = 'completed'
group by ordered_on
