select
    products.product_id,
    products.product_name,
    products.category,
    count(distinct orders.order_id) as order_count,
    coalesce(sum(items.quantity) filter (where orders.order_id is not null), 0) as units_sold,
    coalesce(sum(items.amount) filter (where orders.order_id is not null), 0) as revenue
from {{ ref('stg_products') }} as products
left join {{ ref('stg_order_items') }} as items on products.product_id = items.product_id
left join {{ ref('orders') }} as orders on items.order_id = orders.order_id and orders.status = 'completed'
group by products.product_id, products.product_name, products.category
