select
    id as product_id,
    name as product_name,
    category,
    price as list_price
from {{ ref('raw_products') }}
