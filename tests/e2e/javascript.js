// What a user of the JavaScript client does, on Node: prints lines of JSON [name, answer].
const ee = require("@google/earthengine");
const [base, project] = process.argv.slice(2);
const assets = `projects/${project}/assets`;

const say = (name, value) => console.log(JSON.stringify([name, value]));
const fail = (error) => {
  console.error(error);
  process.exit(1);
};

/** The answer of a function that takes a callback as its last argument. */
const answer = (call) =>
  new Promise((done, failed) =>
    call((value, error) => (error ? failed(new Error(error)) : done(value))));

const fetched = async (name, url) => {
  const got = await fetch(url);
  const body = await got.arrayBuffer();
  say(name, { status: got.status, type: got.headers.get("content-type"), bytes: body.byteLength });
};

const kind = ({ type, id }) => ({ type, id });

const exported = (image, name) =>
  ee.batch.Export.image.toDrive({
    image, description: name, fileNamePrefix: name, crs: "EPSG:32610",
    crsTransform: [10, 0, 500000, 0, -10, 4200000], dimensions: "700x600",
  });

async function values(image) {
  say("sum", await answer((f) => ee.Number(1).add(2).getInfo(f)));
  say("sumAtOnce", ee.Number(20).add(1).getInfo());
  say("bands", await answer((f) => image.bandNames().evaluate(f)));
  const refused = answer((f) => ee.Image("projects/x/assets/none").getInfo(f));
  say("error", await refused.then(() => "none", (error) => error.message));
}

async function pictures(image) {
  const style = { bands: ["red"], min: 0, max: 5000 };
  const map = await answer((f) => image.getMap(style, f));
  await fetched("tile", map.formatTileUrl(162, 395, 10));
  await fetched("thumbnail", await answer((f) => image.getThumbURL({ ...style, dimensions: 64 }, f)));
  await fetched("download", await answer((f) => image.getDownloadURL({ scale: 100, format: "GEO_TIFF" }, f)));
  const places = ee.FeatureCollection(`${assets}/places`);
  await fetched("table", await answer((f) => places.getDownloadURL("csv", ["name"], "places", f)));
}

async function changes() {
  say("asset", kind(await answer((f) => ee.data.getAsset(`${assets}/scene`, f))));
  say("folder", kind(await answer((f) => ee.data.createFolder(`${assets}/script`, false, f))));
  await answer((f) => ee.data.deleteAsset(`${assets}/script`, f));
  say("list", (await answer((f) => ee.data.getList({ id: assets }, f))).map((one) => one.id));
}

async function tasks(image) {
  const begun = exported(image, "begun");
  await new Promise((done, failed) => begun.start(done, (error) => failed(new Error(error))));
  const [id] = await answer((f) => ee.data.newTaskId(1, f));
  const processed = await answer((f) => ee.data.startProcessing(id, exported(image, "processed").config_, f));
  const ids = [begun.id, processed.taskId];
  let states = [];
  for (let k = 0; k < 300 && !(states.length && states.every((s) => s === "COMPLETED")); k++) {
    states = (await answer((f) => ee.data.getTaskStatus(ids, f))).map((one) => one.state);
    await new Promise((done) => setTimeout(done, 100));
  }
  say("states", states);
  const names = ids.map((one) => `projects/${project}/operations/${one}`);
  const found = await answer((f) => ee.data.getOperation(names, f));
  say("operations", Object.fromEntries(names.map((one) => [one, found[one].metadata.state])));
}

async function run() {
  const image = ee.Image(`${assets}/scene`);
  await values(image);
  await pictures(image);
  await changes();
  await tasks(image);
}

ee.data.setAuthToken("", "Bearer", process.env.TOKEN, 3600, [],
  () => ee.initialize(base, base, () => run().catch(fail), fail, null, project), false);
