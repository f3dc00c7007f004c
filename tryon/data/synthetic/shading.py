"""What a visible surface looks like: cloth and skin under one light, and soft shadows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numba
import numpy as np

from tryon.data.synthetic.raster import FAR


@dataclass(frozen=True, eq=False, slots=True)
class Light:
    """direction: float (3,), unit, towards the light: right, away from the camera, up.
    ambient, diffuse: strengths; tint: float (3,), colour of the light, about 1."""

    direction: np.ndarray
    ambient: float
    diffuse: float
    tint: np.ndarray


def random_light(rng: np.random.Generator) -> Light:
    direction = np.array([rng.normal(0, 0.6), -1.0, rng.uniform(0.1, 1.0)])
    direction /= np.linalg.norm(direction)
    ambient = rng.uniform(0.45, 0.75)
    warm = rng.normal(0, 0.03)
    tint = np.array([1 + warm, 1.0, 1 - warm]) * rng.uniform(0.95, 1.08)
    return Light(direction, ambient, rng.uniform(1.0, 1.12) - ambient, tint)


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def shade_cloth(  # type: ignore[no-untyped-def]
    box, owner, face, bary, mark, faces, attributes, tile, to_tile, back_shift, decal, decal_box,
    trim, trim_width, fade, wrinkles, wrinkle_scale, wrinkle_depth, sheen, light, strengths,
    image, uv, layer,
):  # fmt: skip
    """Colour the pixels of the garment `mark` within `box` (left, top, right, bottom), in place.

    attributes: float32 (V, 9): view normal (3), uv (2), layer, cloth (2), metres to the hem.
    tile: float32 (n, n, 3), repeating; to_tile: float32 (2, 3), cloth metres to tile pixels;
    back_shift: float32 (2,), tile pixels added behind; decal: float32 (h, w, 4), alpha 0-1;
    decal_box: float32 (5,): left, top, width, height on the cloth, and 1 in front or -1 behind;
    trim: float32 (3,) colour within trim_width metres of a hem; fade: float32 (5,): colour,
    height on the cloth where it begins and where it is whole (colour < 0 for none);
    wrinkles: float32 (m, m, 2), slopes, repeating; light, strengths: (3,), (2,) see `Light`.
    """
    n, m = tile.shape[0], wrinkles.shape[0]
    dh, dw = decal.shape[0], decal.shape[1]
    for y in range(box[1], box[3]):
        for x in range(box[0], box[2]):
            if owner[y, x] != mark:
                continue
            i = face[y, x]
            wb, wc = bary[y, x, 0], bary[y, x, 1]
            wa = np.float32(1.0) - wb - wc
            pa, pb, pc = attributes[faces[i, 0]], attributes[faces[i, 1]], attributes[faces[i, 2]]
            nx = wa * pa[0] + wb * pb[0] + wc * pc[0]
            ny = wa * pa[1] + wb * pb[1] + wc * pc[1]
            nz = wa * pa[2] + wb * pb[2] + wc * pc[2]
            uv[y, x, 0] = wa * pa[3] + wb * pb[3] + wc * pc[3]
            uv[y, x, 1] = wa * pa[4] + wb * pb[4] + wc * pc[4]
            side = wa * pa[5] + wb * pb[5] + wc * pc[5]
            s = wa * pa[6] + wb * pb[6] + wc * pc[6]
            t = wa * pa[7] + wb * pb[7] + wc * pc[7]
            edge = wa * pa[8] + wb * pb[8] + wc * pc[8]
            layer[y, x] = 1 if side >= 0 else 2
            tx = to_tile[0, 0] * s + to_tile[0, 1] * t + to_tile[0, 2]
            ty = to_tile[1, 0] * s + to_tile[1, 1] * t + to_tile[1, 2]
            if side < 0:
                tx += back_shift[0]
                ty += back_shift[1]
            x0, y0 = np.floor(tx), np.floor(ty)
            fx, fy = np.float32(tx - x0), np.float32(ty - y0)
            xa, ya = int(x0) % n, int(y0) % n
            xb, yb = (xa + 1) % n, (ya + 1) % n
            wxa, wya = np.float32(1.0) - fx, np.float32(1.0) - fy
            r = np.float32(0.0)
            g = np.float32(0.0)
            b = np.float32(0.0)
            for yy, xx, w in ((ya, xa, wya * wxa), (ya, xb, wya * fx),
                              (yb, xa, fy * wxa), (yb, xb, fy * fx)):  # fmt: skip
                r += w * tile[yy, xx, 0]
                g += w * tile[yy, xx, 1]
                b += w * tile[yy, xx, 2]
            if fade[0] >= 0:
                k = min(np.float32(1.0), max(np.float32(0.0), (t - fade[3]) / (fade[4] - fade[3])))
                r += k * (fade[0] - r)
                g += k * (fade[1] - g)
                b += k * (fade[2] - b)
            if edge < trim_width:
                r, g, b = trim[0], trim[1], trim[2]
            elif side * decal_box[4] > 0:
                px = (s - decal_box[0]) / decal_box[2] * dw - np.float32(0.5)
                py = (t - decal_box[1]) / decal_box[3] * dh - np.float32(0.5)
                if px >= 0 and py >= 0 and px < dw - 1 and py < dh - 1:
                    ix, iy = int(px), int(py)
                    fx, fy = np.float32(px - ix), np.float32(py - iy)
                    w00 = (1 - fx) * (1 - fy)
                    w01, w10, w11 = fx * (1 - fy), (1 - fx) * fy, fx * fy
                    alpha = (
                        w00 * decal[iy, ix, 3] + w01 * decal[iy, ix + 1, 3]
                        + w10 * decal[iy + 1, ix, 3] + w11 * decal[iy + 1, ix + 1, 3]
                    )  # fmt: skip
                    if alpha > 0:
                        dr = (
                            w00 * decal[iy, ix, 0] + w01 * decal[iy, ix + 1, 0]
                            + w10 * decal[iy + 1, ix, 0] + w11 * decal[iy + 1, ix + 1, 0]
                        )  # fmt: skip
                        dg = (
                            w00 * decal[iy, ix, 1] + w01 * decal[iy, ix + 1, 1]
                            + w10 * decal[iy + 1, ix, 1] + w11 * decal[iy + 1, ix + 1, 1]
                        )  # fmt: skip
                        db = (
                            w00 * decal[iy, ix, 2] + w01 * decal[iy, ix + 1, 2]
                            + w10 * decal[iy + 1, ix, 2] + w11 * decal[iy + 1, ix + 1, 2]
                        )  # fmt: skip
                        r += alpha * (dr - r)
                        g += alpha * (dg - g)
                        b += alpha * (db - b)
            kx = int(np.floor((s if side > 0 else s + 3) * wrinkle_scale)) % m
            ky = int(np.floor(t * wrinkle_scale)) % m
            inside = ny > 0
            if inside:
                nx, ny, nz = -nx, -ny, -nz
            nx += wrinkle_depth * wrinkles[ky, kx, 0]
            nz += wrinkle_depth * wrinkles[ky, kx, 1]
            length = np.sqrt(nx * nx + ny * ny + nz * nz) + np.float32(1e-6)
            lit = (nx * light[0] + ny * light[1] + nz * light[2]) / length
            lit = max(lit, np.float32(0.0))
            shade = strengths[0] + strengths[1] * lit
            gloss = sheen * (lit * lit * lit) ** 4 * np.float32(90.0)
            if edge < np.float32(0.012) and edge > np.float32(0.007):
                shade *= np.float32(0.94)
            if inside:
                shade *= np.float32(0.62)
            image[y, x, 0] = r * shade + gloss
            image[y, x, 1] = g * shade + gloss
            image[y, x, 2] = b * shade + gloss


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def shade_skin(  # type: ignore[no-untyped-def]
    owner, face, bary, mark, faces, attributes, parts, skin, paint, paint_box, light, strengths,
    image, uv, layer, part,
):  # fmt: skip
    """Colour the pixels of the body `mark`, in place, and label their parts.

    attributes: float32 (V, 6): view normal (3), uv (2), layer. parts: uint8 (V,).
    skin: float32 (3,); paint: float32 (h, w, 4), the face in front, over paint_box: float32 (4,):
    left, top, width, height in uv.
    """
    height, width = owner.shape
    ph, pw = paint.shape[0], paint.shape[1]
    for y in range(height):
        for x in range(width):
            if owner[y, x] != mark:
                continue
            i = face[y, x]
            wb, wc = bary[y, x, 0], bary[y, x, 1]
            wa = np.float32(1.0) - wb - wc
            ia, ib, ic = faces[i, 0], faces[i, 1], faces[i, 2]
            pa, pb, pc = attributes[ia], attributes[ib], attributes[ic]
            nx = wa * pa[0] + wb * pb[0] + wc * pc[0]
            ny = wa * pa[1] + wb * pb[1] + wc * pc[1]
            nz = wa * pa[2] + wb * pb[2] + wc * pc[2]
            u = wa * pa[3] + wb * pb[3] + wc * pc[3]
            v = wa * pa[4] + wb * pb[4] + wc * pc[4]
            side = wa * pa[5] + wb * pb[5] + wc * pc[5]
            uv[y, x, 0], uv[y, x, 1] = u, v
            layer[y, x] = 1 if side >= 0 else 2
            part[y, x] = (
                parts[ia] if wa >= wb and wa >= wc else (parts[ib] if wb > wc else parts[ic])
            )
            r, g, b = skin[0], skin[1], skin[2]
            if side > 0 and part[y, x] == 1:
                px = int((u - paint_box[0]) / paint_box[2] * pw)
                py = int((v - paint_box[1]) / paint_box[3] * ph)
                if px >= 0 and py >= 0 and px < pw and py < ph:
                    alpha = paint[py, px, 3]
                    r += alpha * (paint[py, px, 0] - r)
                    g += alpha * (paint[py, px, 1] - g)
                    b += alpha * (paint[py, px, 2] - b)
            length = np.sqrt(nx * nx + ny * ny + nz * nz) + np.float32(1e-6)
            lit = max((nx * light[0] + ny * light[1] + nz * light[2]) / length, np.float32(0.0))
            shade = strengths[0] + strengths[1] * lit
            # Light that enters skin comes out red, so that its shadows are warm.
            image[y, x, 0] = r * (shade * np.float32(0.92) + np.float32(0.08))
            image[y, x, 1] = g * shade
            image[y, x, 2] = b * shade


def occlusion(
    depth: np.ndarray, metres_per_pixel: float, light: Light, shrink: int
) -> tuple[np.ndarray, np.ndarray]:
    """Soft shadows from the depth buffer alone, `shrink` times smaller than it, float32 (H, W).

    Returns how bright the figure is (0-1, 1 unshaded), and how much of its shadow falls on a wall
    behind it (0-1). A point behind its blurred surroundings, looked up a little towards the
    light, lies in shadow.
    """
    size = (depth.shape[1] // shrink, depth.shape[0] // shrink)
    step = 2 * shrink
    sparse = depth[::step, ::step]
    seen = sparse < FAR
    if not seen.any():
        return np.ones(size[::-1], np.float32), np.zeros(size[::-1], np.float32)
    solid = np.minimum(sparse, sparse[seen].max() + np.float32(0.2))
    shade = np.zeros_like(solid)
    for radius, strength in ((0.03, 0.4), (0.09, 0.5)):
        sigma = max(0.6, radius / (step * metres_per_pixel))
        around = _moved_blur(solid, sigma, 1.2 * sigma, light, cv2.BORDER_REPLICATE)
        shade += strength * np.clip((solid - around - 0.01) / (1.6 * radius), 0, 1)
    # Only the figure's own samples count, or its outline would be dark.
    share = seen.astype(np.float32)
    bright = (1 - np.minimum(shade, np.float32(0.75))) * share
    bright = cv2.blur(bright, (3, 3)) / np.maximum(cv2.blur(share, (3, 3)), 1e-3)
    sigma = 0.05 / (step * metres_per_pixel)
    wall = _moved_blur(share, sigma, 1.5 * sigma, light, cv2.BORDER_CONSTANT)
    return cv2.resize(bright, size), cv2.resize(wall, size)


def _moved_blur(
    image: np.ndarray, sigma: float, reach: float, light: Light, border: int
) -> np.ndarray:
    """The image blurred, and looked up `reach` pixels towards the light."""
    soft = cv2.GaussianBlur(image, (0, 0), sigma)
    x, y = -reach * light.direction[0], reach * light.direction[2]
    move = np.array([[1, 0, x], [0, 1, y]], np.float32)
    return cv2.warpAffine(soft, move, soft.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=border)


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def composed(owner, image, tint, shade, background, background_shade):  # type: ignore[no-untyped-def]
    """The picture float32 (H, W, 3): what was drawn, averaged down, over the background.

    owner int16, image float32: (k H, k W[, 3]), as drawn; tint: float32 (3,);
    shade, background_shade: float32 (H, W), factors; background: float32 (H, W, 3).
    """
    height, width = shade.shape
    k = owner.shape[0] // height
    out = np.empty((height, width, 3), np.float32)
    share = np.float32(1.0 / (k * k))
    for y in range(height):
        for x in range(width):
            r = np.float32(0.0)
            g = np.float32(0.0)
            b = np.float32(0.0)
            count = 0
            for yy in range(k * y, k * y + k):
                for xx in range(k * x, k * x + k):
                    if owner[yy, xx] >= 0:
                        count += 1
                        r += image[yy, xx, 0]
                        g += image[yy, xx, 1]
                        b += image[yy, xx, 2]
            lit, rest = shade[y, x] * share, (1 - count * share) * background_shade[y, x]
            out[y, x, 0] = r * tint[0] * lit + background[y, x, 0] * rest
            out[y, x, 1] = g * tint[1] * lit + background[y, x, 1] * rest
            out[y, x, 2] = b * tint[2] * lit + background[y, x, 2] * rest
    return out
