// The shop's page: products, a basket, orders, and which instance of the API gave each answer.

const ORDERS_EVERY_MS = 2000;
const ANSWERS_SHOWN = 4;

// Behind each product's picture.
const COLOURS = {
  lantern: '#fbe8c6',
  rope: '#e9dfc9',
  compass: '#d5e8e6',
  mug: '#dbe6f1',
  hat: '#fdf0bf',
  tables: '#e3e2f0',
};

const find = (id) => document.getElementById(id);
const price = (cents) => `€${(cents / 100).toFixed(2)}`;

/** An element with properties and children; text is always text, never markup. */
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Asks the API; shows who answered and how fast; throws with the API's own sentence. */
async function ask(path, options) {
  const start = performance.now();
  const response = await fetch(path, options);
  const text = await response.text();
  let answer = {};
  try {
    answer = JSON.parse(text);
  } catch {
    answer = {error: `the answer to ${path} is not JSON`};
  }
  if (answer.instance) {
    showAnswer(answer.instance, performance.now() - start);
  }
  if (!response.ok) {
    throw new Error(answer.error ?? answer.detail ?? `${response.status} ${response.statusText}`);
  }
  return answer;
}

/** Each instance keeps its own colour. */
function hueOf(instance) {
  let hash = 0;
  for (const letter of instance) {
    hash = (hash * 31 + letter.codePointAt(0)) % 360;
  }
  return (hash * 137) % 360;
}

function showAnswer(instance, milliseconds) {
  const badge = element('li', {title: 'the instance that answered, and how long it took'},
      `${instance} `, element('small', {}, `${Math.max(1, Math.round(milliseconds))} ms`));
  badge.style.setProperty('--hue', hueOf(instance));
  find('answers').prepend(badge);
  while (find('answers').children.length > ANSWERS_SHOWN) {
    find('answers').lastElementChild.remove();
  }
}

function notice(text) {
  find('notice').textContent = text;
  find('notice').hidden = !text;
}

const basket = new Map();  // product id -> {product, quantity}
let keptByServer = false;  // The API keeps the basket, so that it survives a reload.

async function keepBasket() {
  if (!keptByServer) {
    return;
  }
  const items = [...basket.values()].map(({product, quantity}) => ({product: product.id, quantity}));
  try {
    await ask('/api/cart', {
      method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({items}),
    });
  } catch (error) {
    notice(`The basket was not kept: ${error.message}`);
  }
}

async function fetchBasket(products) {
  const byId = new Map(products.map((product) => [product.id, product]));
  for (const {product, quantity} of (await ask('/api/cart')).items) {
    if (byId.has(product)) {
      basket.set(product, {product: byId.get(product), quantity});
    }
  }
  showBasket();
}

function showBasket() {
  find('basket').replaceChildren(...[...basket.values()].map(({product, quantity}) => {
    const change = (by) => element('button', {
      type: 'button', textContent: by > 0 ? '+' : '−', ariaLabel: `${by > 0 ? 'more' : 'fewer'}: ${product.name}`,
      onclick: () => add(product, by),
    });
    return element('li', {}, element('span', {className: 'name', textContent: product.name}), change(-1),
        element('span', {className: 'count', textContent: String(quantity)}), change(1));
  }));
  const total = [...basket.values()].reduce((sum, {product, quantity}) => sum + product.price_cents * quantity, 0);
  find('empty').hidden = basket.size > 0;
  find('place').disabled = basket.size === 0;
  find('place').textContent = basket.size === 0 ? 'Place order' : `Place order, ${price(total)}`;
}

function add(product, by) {
  const quantity = Math.min(99, (basket.get(product.id)?.quantity ?? 0) + by);
  if (quantity > 0) {
    basket.set(product.id, {product, quantity});
  } else {
    basket.delete(product.id);
  }
  showBasket();
  keepBasket();
}

function showProducts(products) {
  find('products').replaceChildren(...products.map((product) => {
    const card = find('product').content.cloneNode(true);
    card.querySelector('.picture').style.background = COLOURS[product.id] ?? '#e6e6e6';
    card.querySelector('.picture').append(element('img', {src: `pictures/${product.id}.svg`, alt: ''}));
    card.querySelector('h3').textContent = product.name;
    card.querySelector('.note').textContent = product.note;
    card.querySelector('.price').textContent = price(product.price_cents);
    const button = card.querySelector('button');
    button.ariaLabel = `Add ${product.name} to the basket`;
    button.onclick = () => add(product, 1);
    return card;
  }));
}

function showOrders(orders) {
  find('no-orders').hidden = orders.length > 0;
  find('orders').replaceChildren(...orders.map((order) => {
    const pieces = order.items.map(({name, quantity}) => `${quantity} × ${name}`).join(', ');
    const by = `taken by ${order.placed_by}` + (order.packed_by ? `, packed by ${order.packed_by}` : '');
    return element('li', {},
        element('div', {className: 'line'},
            element('strong', {textContent: `#${order.id} ${order.customer}`}),
            element('span', {className: `status ${order.status}`, textContent: order.status})),
        element('div', {textContent: `${pieces}, ${price(order.total_cents)}`}),
        element('div', {className: 'detail', textContent: by}));
  }));
}

async function refresh() {
  try {
    if (find('products').children.length === 0) {
      const {products, carts = false} = await ask('/api/products');
      showProducts(products);
      keptByServer = carts;
      if (keptByServer) {
        await fetchBasket(products);
      }
    }
    showOrders((await ask('/api/orders?limit=6')).orders);
    notice('');
  } catch (error) {
    notice(`The shop's API does not answer: ${error.message}. Trying again.`);
  }
}

find('order').addEventListener('submit', async (event) => {
  event.preventDefault();
  const order = {
    customer: find('customer').value,
    items: [...basket.values()].map(({product, quantity}) => ({product: product.id, quantity})),
  };
  find('place').disabled = true;
  try {
    await ask('/api/orders', {
      method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(order),
    });
    basket.clear();
    await refresh();
  } catch (error) {
    notice(`The order was not taken: ${error.message}`);
  } finally {
    showBasket();
  }
});

showBasket();
await refresh();
setInterval(refresh, ORDERS_EVERY_MS);
