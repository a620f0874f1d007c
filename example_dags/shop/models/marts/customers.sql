with completed as (

    select
        customer_id,
        count(*) as order_count,
        min(ordered_on) as first_order_on,
        max(ordered_on) as last_order_on,
        sum(amount) as lifetime_revenue
    from {{ ref('orders') }}
    where status = 'completed'
    group by customer_id

)

select
    customers.customer_id,
    customers.customer_name,
    customers.email,
    customers.country,
    customers.signed_up_on,
    coalesce(completed.order_count, 0) as order_count,
    completed.first_order_on,
    completed.last_order_on,
    coalesce(completed.lifetime_revenue, 0) as lifetime_revenue
from {{ ref('stg_customers') }} as customers
left join completed on customers.customer_id = completed.customer_id
