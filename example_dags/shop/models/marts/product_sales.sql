with sold as (

    select
        items.product_id,
        count(distinct items.order_id) as order_count,
        cast(sum(items.quantity) as bigint) as units_sold,
        sum(items.amount) as revenue
    from {{ ref('stg_order_items') }} as items
    inner join {{ ref('orders') }} as orders on items.order_id = orders.order_id
    where orders.status = 'completed'
    group by items.product_id

)

select
    products.product_id,
    products.product_name,
    products.category,
    coalesce(sold.order_count, 0) as order_count,
    coalesce(sold.units_sold, 0) as units_sold,
    coalesce(sold.revenue, 0) as revenue
from {{ ref('stg_products') }} as products
left join sold on products.product_id = sold.product_id
