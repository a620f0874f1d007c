with items as (

    select
        order_id,
        cast(sum(quantity) as bigint) as item_count,
        sum(amount) as amount
    from {{ ref('stg_order_items') }}
    group by order_id

),

payments as (

    select
        order_id,
        sum(amount) as amount_paid
    from {{ ref('stg_payments') }}
    group by order_id

)

select
    orders.order_id,
    orders.customer_id,
    orders.ordered_at,
    orders.ordered_on,
    orders.status,
    items.item_count,
    items.amount,
    coalesce(payments.amount_paid, 0) as amount_paid
from {{ ref('stg_orders') }} as orders
inner join items on orders.order_id = items.order_id
left join payments on orders.order_id = payments.order_id
{% if env_var('SHOP_BREAK', '') -%}
-- A mistake that no test of dbt's finds: make demo BREAK=1
where orders.status <> 'returned'
{% endif -%}
