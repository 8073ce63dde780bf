"""Dataset definitions: how files and STAC items become an Earth Engine collection.

A definition is a small YAML file (``docs/reference`` describes the fields; the ones shipped lie
beside this module). It names the bands and the STAC assets that hold them, which values are
missing, whether values are served scaled, where properties come from, and how ids are made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ecumene.core.errors import RequestError

POLICIES = ("MEAN", "SAMPLE", "MIN", "MAX", "MODE", "MEDIAN")
_DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "float32", "float64")


class _Strict(msgspec.Struct, frozen=True):
    pass


class MaskBy(_Strict, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Masks a band where the band ``band`` has one of the values, or any of the bits, given."""

    band: str
    values: tuple[float, ...] = ()
    bits: int = 0


class BandRule(_Strict, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One band: ``asset`` names the STAC asset (the first that an item has), ``band`` its number.

    ``missing`` values are masked; without it the item's or the file's nodata is. ``scaled`` serves
    ``stored · scale + offset`` (``scale``, ``offset`` here, else the item's); by default stored
    numbers are served as they are. ``policy`` is the pyramiding policy.
    """

    id: str
    asset: str | tuple[str, ...] = ""
    band: int = 1
    type: str | None = None
    missing: tuple[float, ...] | None = None
    scaled: bool = False
    scale: float | None = None
    offset: float | None = None
    mask: MaskBy | None = None
    policy: str = "MEAN"
    shifted: bool = False

    @property
    def assets(self) -> tuple[str, ...]:
        """Asset keys to try, in order; by default the band's name."""
        if isinstance(self.asset, tuple):
            return self.asset
        return (self.asset or self.id,)


class Shift(_Strict, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """An integer added to the bands marked ``shifted`` when a STAC property asks for it.

    It applies if the text of ``property`` (the first of these that the item has) is at least ``at_least``
    and the property ``unless`` is not true; results are at least ``floor``. (Sentinel-2 processing baselines
    from 04.00 on.)
    """

    property: str | tuple[str, ...]
    at_least: str
    offset: int
    floor: float = 0.0
    unless: str = ""

    def of(self, properties: Mapping[str, Any]) -> float:
        """What is added to the bands of an item."""
        if properties.get(self.unless) is True:
            return 0.0
        names = (self.property,) if isinstance(self.property, str) else self.property
        text = next((str(properties[name]) for name in names if properties.get(name)), "")
        return self.offset if text >= self.at_least else 0.0


class PropertyRule(_Strict, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Where a property comes from: the first of ``source`` that the item has, or ``value``.

    ``pattern`` keeps the first group of a regular expression; ``as`` is ``number``, ``text`` or
    ``millis`` (a time); ``words`` replaces values.
    """

    source: str | tuple[str, ...] = ()
    value: str | int | float | None = None
    pattern: str | None = None
    kind: str = msgspec.field(default="", name="as")
    words: Mapping[str, str | int | float] = {}


class IndexRule(_Strict, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """``system:index`` from a template: ``{name}`` stands for a part, found as a property is."""

    template: str
    parts: Mapping[str, PropertyRule | str]


class Dataset(_Strict, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """An Earth Engine asset (a collection, or one image) made from STAC items.

    ``when`` tells items of one STAC collection apart: properties (or ``id``) and regular expressions that their
    whole text matches; what an item does not say tells nothing.
    """

    id: str
    type: str = "IMAGE_COLLECTION"
    title: str = ""
    description: str = ""
    collections: tuple[str, ...] = ()
    bands: tuple[BandRule, ...]
    properties: Mapping[str, PropertyRule | str] = {}
    constants: Mapping[str, str | int | float] = {}
    index: IndexRule | None = None
    shift: Shift | None = None
    when: Mapping[str, str] = {}

    def serves(self, item: Mapping[str, Any]) -> bool:
        """Whether an item of the definition's STAC collections is one of its images."""
        told = {**(item.get("properties") or {}), "id": item.get("id")}
        return all(
            told.get(name) is None or re.fullmatch(pattern, str(told[name])) is not None
            for name, pattern in self.when.items()
        )

    def band(self, name: str) -> BandRule | None:
        """The rule of a band."""
        return next((rule for rule in self.bands if rule.id == name), None)


def decode(text: str | bytes, where: str = "the dataset definition") -> Dataset:
    """A definition from YAML, checked. RequestError says what is wrong and where.

    ``like: ID`` takes everything that the text does not say, except the STAC collections' conditions, from the
    shipped definition of that id.
    """
    try:
        written = msgspec.yaml.decode(text)
    except msgspec.DecodeError as error:
        raise RequestError(f"{where}: {error}") from error
    return _converted(written, where)


def load(path: str | Path) -> Dataset:
    """A definition from a file, or a shipped one by its Earth Engine id."""
    file = Path(path)
    if not file.is_file():
        found = shipped().get(str(path))
        if found is None:
            raise RequestError(f"There is no dataset definition '{path}'.")
        return found
    return decode(file.read_bytes(), file.name)


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Dataset]:
    """The definitions that come with the package, by id."""
    return {name: _converted(written, name) for name, written in _written().items()}


@lru_cache(maxsize=1)
def _written() -> Mapping[str, Mapping[str, Any]]:
    """The shipped definitions as they are written, by id."""
    entries = sorted(resources.files(__name__).iterdir(), key=lambda e: e.name)
    texts = [entry.read_bytes() for entry in entries if entry.name.endswith(".yaml")]
    found = [msgspec.yaml.decode(text) for text in texts]
    return {one["id"]: one for one in found}


def _whole(written: Mapping[str, Any]) -> dict[str, Any]:
    """A definition with what it takes from the one that it is ``like``."""
    like = written.get("like")
    if like is None:
        return dict(written)
    model = _written().get(str(like))
    if model is None:
        raise RequestError(f"There is no dataset definition '{like}'.")
    taken = {name: value for name, value in _whole(model).items() if name != "when"}
    return taken | {name: value for name, value in written.items() if name != "like"}


def _converted(written: Any, where: str) -> Dataset:
    try:
        whole = _whole(written) if isinstance(written, Mapping) else written
        found = msgspec.convert(whole, Dataset)
    except msgspec.ValidationError as error:
        raise RequestError(f"{where}: {error}") from error
    problem = _problem(found) or _wrong_pattern(found)
    if problem:
        raise RequestError(f"{where}: {problem}")
    return found


def for_collection(name: str) -> list[Dataset]:
    """The shipped definitions that serve a STAC collection of this id."""
    return [d for d in shipped().values() if name in d.collections]


def for_item(item: Mapping[str, Any]) -> Dataset | None:
    """The shipped definition that serves a STAC item."""
    known = for_collection(str(item.get("collection", "")))
    return next((d for d in known if d.serves(item)), None)


def _problem(dataset: Dataset) -> str:
    names = [rule.id for rule in dataset.bands]
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)*", dataset.id):
        return f"'{dataset.id}' is not an asset id"
    if dataset.type not in ("IMAGE_COLLECTION", "IMAGE"):
        return f"type '{dataset.type}' is neither IMAGE_COLLECTION nor IMAGE"
    if not names:
        return "there are no bands"
    if len(set(names)) != len(names):
        return "two bands have the same id"
    for rule in dataset.bands:
        if rule.type is not None and rule.type not in _DTYPES:
            return f"band {rule.id}: '{rule.type}' is not one of {', '.join(_DTYPES)}"
        if rule.policy not in POLICIES:
            return f"band {rule.id}: '{rule.policy}' is not one of {', '.join(POLICIES)}"
        if rule.band < 1:
            return f"band {rule.id}: band numbers start at 1"
        if rule.mask is not None and rule.mask.band not in names:
            return f"band {rule.id}: there is no band '{rule.mask.band}' to mask with"
    return ""


def _wrong_pattern(dataset: Dataset) -> str:
    for pattern in dataset.when.values():
        try:
            re.compile(pattern)
        except re.error:
            return f"'{pattern}' is not a regular expression"
    return ""


def from_entry(asset_id: str, entry: Mapping[str, Any]) -> Dataset:
    """The definition inside a local archive: ``{"type", "bands": [{"id", "asset", "band", …}]}``.

    A band's nodata is what the entry says and nothing else. Where a definition of the same id is
    shipped, its masks, policies and scaling apply to the bands that it names.
    """
    known = shipped().get(asset_id)
    rules = []
    for number, band in enumerate(entry.get("bands") or [], start=1):
        name = str(band.get("id") or band.get("name") or f"b{number}")
        rule = known.band(name) if known is not None else None
        nodata = band.get("nodata")
        missing: tuple[float, ...] = () if nodata is None else (float(nodata),)
        if not missing and rule is not None and rule.missing is not None:
            missing = rule.missing
        scaled = rule.scaled if rule is not None else bool(band.get("scaled", False))
        rules.append(
            BandRule(
                id=name,
                asset=str(band.get("asset", name)),
                band=int(band.get("band", 1)),
                type=_dtype(band.get("data_type")),
                missing=missing,
                scaled=scaled,
                scale=_number(band.get("raster:scale")) if scaled else None,
                offset=_number(band.get("raster:offset")) if scaled else None,
                mask=_usable_mask(rule, entry),
                policy=str(band.get("policy") or (rule.policy if rule is not None else "MEAN")),
            )
        )
    dataset = Dataset(
        id=asset_id,
        type=str(entry.get("type", "IMAGE_COLLECTION")),
        title=str(entry.get("title", "")),
        bands=tuple(rules),
    )
    problem = _problem(dataset)
    if problem:
        raise RequestError(f"{asset_id}: {problem}")
    return dataset


def _usable_mask(rule: BandRule | None, entry: Mapping[str, Any]) -> MaskBy | None:
    if rule is None or rule.mask is None:
        return None
    names = {band.get("id") for band in entry.get("bands") or []}
    return rule.mask if rule.mask.band in names else None


def _dtype(name: Any) -> str | None:
    return None if name is None else np.dtype(str(name)).name


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
