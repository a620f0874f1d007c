-- The days together must give the revenue of all completed orders.
with by_day as (

    select sum(revenue) as revenue from {{ ref('daily_revenue') }}

),

by_order as (

    select sum(amount) as revenue from {{ ref('orders') }} where status = 'completed'

)

select
    by_day.revenue as by_day,
    by_order.revenue as by_order
from by_day
cross join by_order
where by_day.revenue is distinct from by_order.revenue
