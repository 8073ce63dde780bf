"""All methods. The router and the discovery document read this table."""

from __future__ import annotations

from ecumene.api import (
    assets,
    explain,
    exports,
    imports,
    maps,
    operations,
    pixels,
    tables,
    values,
    videos,
)
from ecumene.api.table import Route

P = (("project", "project"),)
PARENT = (("parent", "projectParent"),)
NAME = (("name", "asset"),)
PAGE = (("pageSize", "integer"), ("pageToken", "string"))
LIST = (*PAGE, ("filter", "string"), ("view", "string"))
TAG = (("workloadTag", "string"),)
TILE = (("zoom", "number"), ("x", "number"), ("y", "number"))

later = assets.not_yet

ROUTES: tuple[Route, ...] = (
    Route("value.compute", "POST", "{project}/value:compute", P, values.compute, request="ComputeValueRequest", response="ComputeValueResponse"),
    Route("image.computePixels", "POST", "{project}/image:computePixels", P, pixels.compute_pixels, request="ComputePixelsRequest"),
    Route("image.explain", "POST", "{project}/image:explain", P, explain.explain_pixels, request="ComputePixelsRequest", response="ExplainPixelsResponse", own=True),
    Route("table.computeFeatures", "POST", "{project}/table:computeFeatures", P, tables.compute_features, request="ComputeFeaturesRequest", response="ComputeFeaturesResponse"),
    Route("imageCollection.computeImages", "POST", "{project}/imageCollection:computeImages", P, tables.compute_images, request="ComputeImagesRequest", response="ComputeImagesResponse"),
    Route("algorithms.list", "GET", "{parent}/algorithms", PARENT, values.algorithms, response="ListAlgorithmsResponse"),
    Route("maps.create", "POST", "{parent}/maps", PARENT, maps.create_map, TAG, "EarthEngineMap", "EarthEngineMap"),
    Route("maps.tiles.get", "GET", "{parent}/tiles/{zoom}/{x}/{y}", (("parent", "map"), *TILE), maps.get_tile, open=True),
    Route("thumbnails.create", "POST", "{parent}/thumbnails", PARENT, maps.create_thumbnail, TAG, "Thumbnail", "Thumbnail"),
    Route("thumbnails.getPixels", "GET", "{name}:getPixels", (("name", "thumbnail"),), maps.get_thumbnail, open=True),
    Route("videoThumbnails.create", "POST", "{parent}/videoThumbnails", PARENT, videos.create_video, TAG, "VideoThumbnail", "VideoThumbnail"),
    Route("videoThumbnails.getPixels", "GET", "{name}:getPixels", (("name", "video"),), videos.get_video, open=True),
    Route("filmstripThumbnails.create", "POST", "{parent}/filmstripThumbnails", PARENT, videos.create_strip, TAG, "FilmstripThumbnail", "FilmstripThumbnail"),
    Route("filmstripThumbnails.getPixels", "GET", "{name}:getPixels", (("name", "strip"),), videos.get_strip, open=True),
    Route("tables.create", "POST", "{parent}/tables", PARENT, tables.create_table, TAG, "Table", "Table"),
    Route("tables.getFeatures", "GET", "{name}:getFeatures", (("name", "table"),), tables.get_table, open=True),
    Route("featureView.create", "POST", "{parent}/featureView", PARENT, later, (), "FeatureView", "FeatureView"),
    Route("featureViews.create", "POST", "{parent}/featureViews", PARENT, later, (), "FeatureView", "FeatureView"),
    Route("featureViews.tiles.get", "GET", "{parent}/tiles/{zoom}/{x}/{y}", (("parent", "view"), *TILE), later, open=True),
    Route("assets.listAssets", "GET", "{parent}:listAssets", (("parent", "asset"),), assets.list_assets, LIST, response="ListAssetsResponse"),
    Route("listAssets", "GET", "{parent}:listAssets", PARENT, assets.list_root, LIST, response="ListAssetsResponse"),
    Route("assets.listImages", "GET", "{parent}:listImages", (("parent", "asset"),), assets.list_images, (*LIST, ("startTime", "string"), ("endTime", "string"), ("region", "string")), response="ListImagesResponse"),
    Route("assets.listFeatures", "GET", "{asset}:listFeatures", (("asset", "asset"),), assets.list_features, (*PAGE, ("region", "string"), ("filter", "string")), response="ListFeaturesResponse"),
    Route("assets.getPixels", "POST", "{name}:getPixels", NAME, pixels.get_pixels, request="GetPixelsRequest"),
    Route("assets.copy", "POST", "{sourceName}:copy", (("sourceName", "asset"),), assets.copy, (), "CopyAssetRequest", "EarthEngineAsset"),
    Route("assets.move", "POST", "{sourceName}:move", (("sourceName", "asset"),), assets.move, (), "MoveAssetRequest", "EarthEngineAsset"),
    Route("assets.link", "POST", "{sourceName}:link", (("sourceName", "asset"),), assets.link, (), "LinkAssetRequest", "EarthEngineAsset"),
    Route("assets.getLinked", "POST", "{name}:getLinked", NAME, assets.get_linked, (), "GetLinkedAssetRequest", "EarthEngineAsset"),
    Route("assets.getIamPolicy", "POST", "{resource}:getIamPolicy", (("resource", "asset"),), assets.get_policy, (), "GetIamPolicyRequest", "Policy"),
    Route("assets.setIamPolicy", "POST", "{resource}:setIamPolicy", (("resource", "asset"),), assets.set_policy, (), "SetIamPolicyRequest", "Policy"),
    Route("assets.testIamPermissions", "POST", "{resource}:testIamPermissions", (("resource", "asset"),), assets.test_permissions, (), "TestIamPermissionsRequest", "TestIamPermissionsResponse"),
    Route("assets.create", "POST", "{parent}/assets", PARENT, assets.create, (("assetId", "string"), ("overwrite", "boolean")), "EarthEngineAsset", "EarthEngineAsset"),
    Route("assets.createInternal", "POST", "{parent}/assets:createInternal", PARENT, assets.create, (("assetId", "string"),), "EarthEngineAsset", "EarthEngineAsset"),
    Route("assets.search", "GET", "{project}/assets:search", P, later, (*PAGE, ("query", "string")), response="ListAssetsResponse"),
    Route("assets.patch", "PATCH", "{name}", NAME, assets.patch, (("updateMask", "string"),), "UpdateAssetRequest", "EarthEngineAsset"),
    Route("assets.delete", "DELETE", "{name}", NAME, assets.delete, (), response="Empty"),
    Route("assets.get", "GET", "{name}", NAME, assets.get, response="EarthEngineAsset"),
    Route("image.export", "POST", "{project}/image:export", P, exports.image, (), "ExportImageRequest", "Operation"),
    Route("table.export", "POST", "{project}/table:export", P, exports.table, (), "ExportTableRequest", "Operation"),
    Route("video.export", "POST", "{project}/video:export", P, exports.film, (), "ExportVideoRequest", "Operation"),
    Route("map.export", "POST", "{project}/map:export", P, exports.map_tiles, (), "ExportMapRequest", "Operation"),
    Route("videoMap.export", "POST", "{project}/videoMap:export", P, later, (), "ExportVideoMapRequest", "Operation"),
    Route("classifier.export", "POST", "{project}/classifier:export", P, exports.classifier, (), "ExportClassifierRequest", "Operation"),
    Route("image.import", "POST", "{project}/image:import", P, imports.image, (), "ImportImageRequest", "Operation"),
    Route("image.importExternal", "POST", "{project}/image:importExternal", P, imports.image_external, (), "ImportExternalImageRequest", "Empty"),
    Route("table.import", "POST", "{project}/table:import", P, imports.table, (), "ImportTableRequest", "Operation"),
    Route("operations.list", "GET", "{name}/operations", (("name", "project"),), operations.list_operations, (*PAGE, ("filter", "string")), response="ListOperationsResponse"),
    Route("operations.get", "GET", "{name}", (("name", "operation"),), operations.get, response="Operation"),
    Route("operations.cancel", "POST", "{name}:cancel", (("name", "operation"),), operations.cancel, (), "CancelOperationRequest", "Empty"),
    Route("operations.wait", "POST", "{name}:wait", (("name", "operation"),), operations.wait, (), "WaitOperationRequest", "Operation"),
    Route("operations.delete", "DELETE", "{name}", (("name", "operation"),), operations.delete, response="Empty"),
    Route("getConfig", "GET", "{name}", (("name", "config"),), assets.get_config, response="ProjectConfig"),
    Route("updateConfig", "PATCH", "{name}", (("name", "config"),), later, (("updateMask", "string"),), "ProjectConfig", "ProjectConfig"),
    Route("getCapabilities", "GET", "{parent}/capabilities", PARENT, assets.capabilities, response="Capabilities"),
)  # fmt: skip
