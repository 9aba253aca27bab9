"""The arithmetic of other published token-reduction methods on timm's vision transformers, for timing.

`Further(model, Method(...))` is a module with the model's weights. Each method computes what its authors' code computes for a model whose only
special token is the class token, with PyTorch operations on a whole batch; where the published code uses scikit-learn (ATC) or processes one
image at a time (ATS, PPT), so does this. A block whose attention map a method does not read uses PyTorch's fused attention, so the peers are timed at their best.

    python3 Benchmarks/further_pruning.py            # compares the methods with the project's golden logits

Needs torch, timm, safetensors and numpy, and scikit-learn for ATC.
"""

import math
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from pruning import gather


class Method:
    """What a method does to the tokens x [B, N, C] of a block; by default, nothing."""

    needs_map = False
    layers: tuple = ()

    def begin(self, x):
        """Receives the embedded tokens; resets the state of the last pass."""
        self.size = None

    def before(self, index, x):
        return x

    def change(self, attention):
        return attention

    def inside(self, index, x, found):
        """Runs between the attention residual and the MLP; `found` contains q, k, v and, if requested, the map."""
        return x

    def after(self, index, x, branch):
        return x

    def reads_map(self, index):
        return self.needs_map and (not self.layers or index in self.layers)

    def bias(self):
        return None if self.size is None else self.size.log()[:, None, None, :, 0]

    def merged_pairs(self, x, k, r):
        """ToMe's matching of even with odd positions: the tokens that stay, those that are merged, and their targets, [B, ...]."""
        metric = k.mean(1)
        metric = metric / metric.norm(dim=-1, keepdim=True)
        scores = metric[:, ::2] @ metric[:, 1::2].transpose(-1, -2)
        scores[:, 0, :] = -torch.inf
        best, partner = scores.max(-1)
        order = best.argsort(dim=-1, descending=True)
        gone, stay = order[:, :r], order[:, r:].sort(dim=-1).values
        return stay, gone, partner.gather(1, gone)


def scatter_sum(target, index, source):
    return target.scatter_add(1, index[..., None].expand(-1, -1, source.shape[-1]), source)


class Further(nn.Module):
    """A timm VisionTransformer with one prefix token and a method."""

    def __init__(self, model, method):
        super().__init__()
        if model.num_prefix_tokens != 1:
            raise ValueError(f"{model.num_prefix_tokens} prefix tokens; only models with a class token alone are known")
        self.model, self.method = model, method

    def forward(self, images):
        model, method = self.model, self.method
        x = model.norm_pre(model.patch_drop(model._pos_embed(model.patch_embed(images))))
        method.begin(x)
        for index, block in enumerate(model.blocks):
            x = method.before(index, x)
            if isinstance(method, MCTF) and method.acts(index, x):
                x = method.attend(block, x)
            else:
                y, found = attend(block, x, method, method.reads_map(index))
                x = method.inside(index, x + block.ls1(y), found)
            branch = block.ls2(block.mlp(block.norm2(x)))
            x = method.after(index, x + branch, branch)
        return model.forward_head(model.norm(x))


def heads(block, x):
    part, (batch, tokens, _) = block.attn, x.shape
    qkv = part.qkv(block.norm1(x)).reshape(batch, tokens, 3, part.num_heads, part.head_dim)
    return qkv.permute(2, 0, 3, 1, 4).unbind(0)


def joined(block, y):
    return block.attn.proj(y.transpose(1, 2).reshape(y.shape[0], y.shape[2], -1))


def attend(block, x, method, needs_map):
    q, k, v = heads(block, x)
    bias, attention = method.bias(), None
    if needs_map:
        logits = (q * block.attn.scale) @ k.transpose(-2, -1)
        attention = method.change((logits if bias is None else logits + bias).softmax(-1))
        y = attention @ v
    else:
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    return joined(block, y), (q, k, v, attention)


def keep_best(x, score, keep):
    best = score.argsort(dim=-1, descending=True)[:, :keep] + 1
    return torch.cat([x[:, :1], gather(x, best)], 1)


class EViT(Method):
    needs_map = True

    def __init__(self, rate=0.7, layers=(3, 6, 9)):
        self.rate, self.layers = rate, layers

    def inside(self, index, x, found):
        if index not in self.layers:
            return x
        score = found[3].mean(1)[:, 0, 1:]
        keep = math.ceil(self.rate * score.shape[1])
        order = score.argsort(dim=-1, descending=True)
        kept, rest = order[:, :keep], order[:, keep:]
        fused = (gather(x, rest + 1) * score.gather(1, rest)[..., None]).sum(1, keepdim=True)
        return torch.cat([x[:, :1], gather(x, kept + 1), fused], 1)


class DynamicViT(Method):
    def __init__(self, width, layers=(3, 6, 9), rate=0.7, predictors=None):
        self.layers, self.rate = layers, rate
        self.predictors = predictors or [self.predictor(width).eval() for _ in layers]

    @staticmethod
    def predictor(c):
        inner = nn.Sequential(nn.LayerNorm(c), nn.Linear(c, c), nn.GELU())
        outer = nn.Sequential(
            nn.Linear(c, c // 2), nn.GELU(), nn.Linear(c // 2, c // 4), nn.GELU(), nn.Linear(c // 4, 2), nn.LogSoftmax(-1))
        return nn.ModuleDict({"in_conv": inner, "out_conv": outer})

    def begin(self, x):
        super().begin(x)
        self.patches = x.shape[1] - 1

    def before(self, index, x):
        if index not in self.layers:
            return x
        ordinal = self.layers.index(index)
        predictor = self.predictors[ordinal]
        hidden = predictor["in_conv"](x[:, 1:])
        half = hidden.shape[-1] // 2
        mean = hidden[..., half:].mean(1, keepdim=True).expand(-1, hidden.shape[1], -1)
        score = predictor["out_conv"](torch.cat([hidden[..., :half], mean], -1))[..., 0]
        return keep_best(x, score, int(self.patches * self.rate ** (ordinal + 1)))


class ZeroTPrune(Method):
    needs_map = True

    def __init__(self, layers=(1, 3, 6, 9, 11), rates=(1, 0.9, 0.8, 0.7, 1), similar=10, depth=12):
        self.layers, self.rates, self.similar, self.depth = layers, rates, similar, depth

    @staticmethod
    def rank(attention, rounds):
        n = attention.shape[-1]
        s = torch.ones(*attention.shape[:2], 1, n)
        s[..., 0] = math.sqrt(n)
        for _ in range(rounds):
            s = s @ attention
        s = (s * (n / s.sum(-1, keepdim=True))).squeeze(-2)
        variance = ((s - 1) ** 2).mean(-1, keepdim=True)
        counts = ((variance >= 0.01) & (variance <= 0.7)).float()
        counts = torch.where(counts.sum(1, keepdim=True) > 0, counts, torch.ones_like(counts))
        return ((s * s * counts).sum(1) / counts.sum(1)).sqrt()

    def inside(self, index, x, found):
        if index not in self.layers:
            return x
        _, k, _, attention = found
        patches = x.shape[1] - 1
        similar = min(self.similar, patches // 2)
        keep = max(1, math.ceil((patches - similar) * self.rates[self.layers.index(index)]))
        if keep >= patches:
            return x
        rounds = 30 if 4 * index < self.depth else 5 if 4 * index < 3 * self.depth else 1
        score = self.rank(attention, rounds)[:, 1:]
        order = self.rank(attention, 1)[:, 1:].argsort(dim=-1, descending=True)
        metric = functional.normalize(k.mean(1)[:, 1:], dim=-1)
        upper, lower = order[:, : patches - patches // 2], order[:, patches - patches // 2:]
        best = (gather(metric, lower) @ gather(metric, upper).transpose(-1, -2)).amax(-1)
        gone = lower.gather(1, best.topk(min(similar, patches - keep), dim=-1).indices)
        return keep_best(x, score.scatter(1, gone, -torch.inf), keep)


class PiToMe(Method):
    def __init__(self, rate=0.9125, margin=0.75, depth=12, half=True):
        self.rate, self.margin, self.depth, self.half = rate, margin, depth, half

    def inside(self, index, x, found):
        patches = x.shape[1] - 1
        r = math.floor(patches - patches * self.rate)
        if r <= 0:
            return x
        metric = functional.normalize(found[1].mean(1)[:, 1:], dim=-1)
        cosine = metric @ metric.transpose(-1, -2)
        energy = functional.elu(cosine - (self.margin - self.margin * index / self.depth)).mean(-1)
        order = energy.argsort(dim=-1, descending=True)
        alternates = self.half and index < (self.depth + 1) // 2
        considered = order if alternates else order[:, : 2 * r]
        a, b = considered[:, ::2], considered[:, 1::2]
        rows = cosine.gather(1, a[..., None].expand(-1, -1, patches))
        best, into = rows.gather(2, b[:, None].expand(-1, a.shape[1], -1)).max(-1)
        if alternates:
            ranked = best.argsort(dim=-1, descending=True)
            stay, a, into = a.gather(1, ranked[:, r:]), a.gather(1, ranked[:, :r]), into.gather(1, ranked[:, :r])
        else:
            stay = order[:, 2 * r:]
        size = torch.ones_like(x[..., :1]) if self.size is None else self.size

        def merge(values):
            rest = values[:, 1:]
            return torch.cat([values[:, :1], gather(rest, stay), scatter_sum(gather(rest, b), into, gather(rest, a))], 1)

        merged, self.size = merge(x * size), merge(size)
        return merged / self.size

    def bias(self):
        return None


class DiffRate(Method):
    needs_map = True

    def __init__(self, r=8, counts=None):
        self.r, self.counts = r, counts

    def inside(self, index, x, found):
        tokens = x.shape[1]
        out = max(2, tokens - self.r)
        prune, out = self.counts[index] if self.counts else (out + (tokens - out) // 2, out)
        score = found[3].mean(1)[:, 0].clone()
        score[:, 0] = torch.inf
        order = score.argsort(dim=-1, descending=True)[:, :prune]
        size = torch.ones_like(x[..., :1]) if self.size is None else self.size
        x, size = gather(x, order), gather(size, order)
        if prune > out:
            unit = functional.normalize(x, dim=-1)
            cosine = unit[:, out:] @ unit[:, 1:out].transpose(-1, -2)
            best, into = cosine.max(-1)
            into = into + 1
            joined_size = scatter_sum(size[:, :out], into, size[:, out:] * best[..., None])
            counts = scatter_sum(torch.ones_like(size[:, :out]), into, torch.ones_like(size[:, out:]))
            x, size = scatter_sum(x[:, :out], into, x[:, out:]) / counts, joined_size
        self.size = size
        return x


class RepresentationShift(Method):
    def __init__(self, rate=0.8, layers=(1, 4, 7)):
        self.rate, self.layers = rate, layers

    def after(self, index, x, branch):
        if index not in self.layers:
            return x
        return keep_best(x, branch[:, 1:].norm(dim=-1), math.ceil((x.shape[1] - 1) * self.rate))


class PPT(Method):
    needs_map = True

    def __init__(self, r=50, tau=7e-5, layers=(3, 6, 9)):
        self.r, self.tau, self.layers = r, tau, layers

    def inside(self, index, x, found):
        if index not in self.layers:
            return x
        _, k, v, attention = found
        r = min(self.r, (x.shape[1] - 1) // 2)
        lengths = v.transpose(1, 2).flatten(2).norm(dim=-1)
        score = (attention[:, :, 0].sum(1) * lengths)[:, 1:]
        score = score / score.sum(-1, keepdim=True)
        merges = (score.var(-1) < self.tau).tolist()
        size = torch.ones_like(x[..., :1]) if self.size is None else self.size
        done = [(self.merge if merges[i] else self.prune)(x[i: i + 1], k[i: i + 1], size[i: i + 1], score[i: i + 1], r)
                for i in range(len(merges))]
        self.size = torch.cat([sizes for _, sizes in done])
        return torch.cat([tokens for tokens, _ in done])

    def merge(self, x, k, size, score, r):
        stay, gone, into = self.merged_pairs(x, k, r)

        def merge(values):
            return torch.cat([gather(values[:, ::2], stay), scatter_sum(values[:, 1::2], into, gather(values[:, ::2], gone))], 1)

        merged, size = merge(x * size), merge(size)
        return merged / size, size

    @staticmethod
    def prune(x, k, size, score, r):
        keep = score.shape[1] - r
        return keep_best(x, score, keep), keep_best(size, score, keep)


class GTP(Method):
    needs_map = True

    def __init__(self, r=8, alpha=0.2, theta=1.0, neighbors=8, graph="mixed"):
        self.r, self.alpha, self.theta, self.neighbors, self.graph = r, alpha, theta, neighbors, graph

    def begin(self, x):
        super().begin(x)
        patches = x.shape[1] - 1
        side = round(math.sqrt(patches))
        graph = torch.zeros(x.shape[0], patches, patches)
        if self.graph != "semantic":
            place = torch.arange(patches)
            dy, dx = (place // side)[:, None] - place // side, (place % side)[:, None] - place % side
            graph = graph + ((dy.abs() <= 1) & (dx.abs() <= 1) & ((dy != 0) | (dx != 0))).float()
        if self.graph != "spatial":
            unit = functional.normalize(x[:, 1:], dim=-1)
            cosine = unit @ unit.transpose(-1, -2) - 4 * torch.eye(patches)
            graph = graph.scatter(2, cosine.topk(self.neighbors, dim=-1).indices, 1)
        degree = graph.sum(-1).rsqrt()
        self.weights = degree[:, :, None] * graph * degree[:, None]

    def change(self, attention):
        n = attention.shape[-1]
        k = int(n * n * (1 - self.theta))
        if k == 0:
            return attention
        threshold = attention.flatten(2).kthvalue(k, dim=-1).values[..., None, None]
        return torch.where(attention < threshold, 0.0, attention)

    def inside(self, index, x, found):
        attention, patches = found[3], x.shape[1] - 1
        r = min(self.r, patches - 1)
        if r <= 0:
            return x
        score = attention.diagonal(dim1=-2, dim2=-1).amax(1) * attention.sum(2).amax(1)
        order = score[:, 1:].argsort(dim=-1, descending=True)
        kept, gone = order[:, : patches - r], order[:, patches - r:]
        rows = gather(self.weights, kept)
        pick = lambda columns: rows.gather(2, columns[:, None].expand(-1, rows.shape[1], -1))
        flow = self.alpha * pick(gone)
        self.weights = pick(kept)
        size = torch.ones_like(x[..., :1]) if self.size is None else self.size

        def spread(values):
            rest = values[:, 1:]
            return torch.cat([values[:, :1], gather(rest, kept) + flow @ gather(rest, gone)], 1)

        self.size = spread(size)
        return spread(x)


class ToFu(Method):
    def __init__(self, rate=0.9, depth=12):
        self.rate, self.depth = rate, depth

    def inside(self, index, x, found):
        tokens = x.shape[1]
        r = min(math.floor(tokens - tokens * self.rate), (tokens - 1) // 2)
        if r <= 0:
            return x
        stay, gone, into = self.merged_pairs(x, found[1], r)
        even, odd = x[:, ::2], x[:, 1::2]
        if index > self.depth // 2:
            sources = gather(even, gone)
            counts = scatter_sum(torch.ones_like(odd[..., :1]), into, torch.ones_like(sources[..., :1]))
            norms = odd.norm(dim=-1, keepdim=True)
            most = norms.scatter_reduce(1, into[..., None], sources.norm(dim=-1, keepdim=True), "amax")
            odd = torch.where(counts > 1, scatter_sum(odd, into, sources) / counts * (most / norms), odd)
        return torch.cat([gather(even, stay), odd], 1)


class ATC(Method):
    def __init__(self, rate=0.7, layers=(3, 6, 9), linkage="average", clusters=None):
        self.rate, self.layers, self.linkage, self.clusters = rate, layers, linkage, clusters

    def begin(self, x):
        super().begin(x)
        self.patches = x.shape[1] - 1

    def inside(self, index, x, found):
        if index not in self.layers:
            return x
        from sklearn.cluster import AgglomerativeClustering

        ordinal = self.layers.index(index)
        k = self.clusters[ordinal] if self.clusters else int(self.patches * self.rate ** (ordinal + 1))
        metric = functional.normalize(found[1].mean(1)[:, 1:], dim=-1)
        distance = (1 - metric @ metric.transpose(-1, -2)).numpy()
        labels = torch.stack([
            torch.from_numpy(AgglomerativeClustering(n_clusters=k, metric="precomputed", linkage=self.linkage).fit_predict(one))
            for one in distance])
        size = torch.ones_like(x[..., :1]) if self.size is None else self.size

        def merge(values):
            empty = torch.zeros(values.shape[0], k, values.shape[2])
            return torch.cat([values[:, :1], scatter_sum(empty, labels, values[:, 1:])], 1)

        merged, self.size = merge(x * size), merge(size)
        return merged / self.size


class MCTF(Method):
    def __init__(self, r=16, layers=None, least=10, tau=(1, 20, 40)):
        self.r, self.first, self.least, self.tau = r, layers, least, tau

    def removed(self, tokens):
        return min(self.r, tokens - self.least, (tokens - 1) // 2)

    def acts(self, index, x):
        return index > 0 and self.removed(x.shape[1]) > 0

    def attend(self, block, x):
        """The whole first half of a block: tokens are merged before the map is applied to the values."""
        r = self.removed(x.shape[1])
        q, k, _ = heads(block, x)
        logits = (q * block.attn.scale) @ k.transpose(-2, -1)
        attention = (logits if self.size is None else logits + self.bias()).softmax(-1)
        weight = 1 / attention.mean((1, 2))
        weight = weight / weight.amax(-1, keepdim=True)
        unit = functional.normalize(x, dim=-1)
        likeness = ((unit[:, ::2] @ unit[:, 1::2].transpose(-1, -2) + 1) / 2).clamp(min=0) ** (1 / self.tau[0])
        likeness = likeness * (weight[:, ::2, None] * weight[:, None, 1::2]) ** (1 / self.tau[1])
        size = torch.ones_like(x[..., :1]) if self.size is None else self.size
        if self.size is not None:
            small = 1 / size[..., 0]
            small = small / small.amax(-1, keepdim=True)
            likeness = likeness * (small[:, ::2, None] * small[:, None, 1::2]) ** (1 / self.tau[2])
        likeness[:, 0] = -torch.inf
        # The r/2 best even tokens go into odd ones, then odd ones into the even ones that are left.
        best, partner = likeness.max(-1)
        order = best.argsort(dim=-1, descending=True)
        gone, stay = order[:, : r // 2], order[:, r // 2:].sort(dim=-1).values
        into = partner.gather(1, gone)
        back, target = likeness.gather(1, stay[..., None].expand(-1, -1, likeness.shape[2])).max(1)
        ranked = back.argsort(dim=-1, descending=True)
        leaving, odd_stay = ranked[:, : r - r // 2], ranked[:, r - r // 2:]
        target = target.gather(1, leaving)

        def fold(values):
            odd = scatter_sum(values[:, 1::2], into, gather(values[:, ::2], gone))
            return torch.cat([scatter_sum(gather(values[:, ::2], stay), target, gather(odd, leaving)), gather(odd, odd_stay)], 1)

        sizes = fold(size)
        merged = fold(x * size) / sizes
        batch, count, tokens = attention.shape[:3]
        rows = fold((attention.transpose(1, 2) * size[..., None]).flatten(2)) / sizes
        rows = rows.unflatten(2, (count, tokens)).permute(0, 3, 2, 1).flatten(2)
        reduced = fold(rows).unflatten(2, (count, -1)).permute(0, 2, 3, 1)
        self.size = sizes
        v = heads(block, merged)[2]
        return merged + block.ls1(joined(block, reduced @ v))


class ATS(Method):
    needs_map = True

    def __init__(self, rate=0.7, layers=(3, 6, 9), samples=None):
        self.rate, self.layers, self.samples = rate, layers, samples

    def begin(self, x):
        super().begin(x)
        self.patches, self.mask = x.shape[1] - 1, None

    def bias(self):
        return None if self.mask is None else torch.zeros(self.mask.shape).masked_fill(~self.mask, -1e30)[:, None, None]

    def inside(self, index, x, found):
        if index not in self.layers:
            return x
        _, _, v, attention = found
        ordinal = self.layers.index(index)
        k = self.samples[ordinal] if self.samples else int(self.patches * self.rate ** (ordinal + 1))
        score = (attention[:, :, 0] * v.norm(dim=-1)).sum(1)[:, 1:]
        score = score / (score.sum(-1, keepdim=True) + 1e-6)
        sums = score.cumsum(-1)
        if self.mask is not None:
            sums = sums.masked_fill(~self.mask[:, 1:], torch.inf)
        steps = torch.arange(1 / (2 * k), (2 * k - 1) / (2 * k), 1 / k)
        nearest = (steps[None, :, None] - sums[:, None]).abs().argmin(-1) + 1
        ids = nn.utils.rnn.pad_sequence([one.unique() for one in nearest], batch_first=True)
        ids = functional.pad(ids, (1, 0))
        self.mask = ids > 0
        self.mask[:, 0] = True
        return gather(x, ids)


class DPCKNN(Method):
    def __init__(self, rate=0.7, layers=(3, 6, 9), nearest=5, clusters=None):
        self.rate, self.layers, self.nearest, self.clusters = rate, layers, nearest, clusters

    def begin(self, x):
        super().begin(x)
        self.patches = x.shape[1] - 1

    def count(self, index):
        ordinal = self.layers.index(index)
        return self.clusters[ordinal] if self.clusters else int(self.patches * self.rate ** (ordinal + 1))

    def before(self, index, x):
        if index not in self.layers:
            return x
        z, k = x[:, 1:], self.count(index)
        distance = torch.cdist(z, z) / math.sqrt(z.shape[-1])
        density = (-(distance.topk(self.nearest, dim=-1, largest=False).values ** 2).mean(-1)).exp()
        denser = density[:, None, :] > density[:, :, None]
        most = distance.flatten(1).amax(-1)[:, None, None]
        delta = torch.where(denser, distance, most).amin(-1)
        centers = (delta * density).topk(k, dim=-1).indices
        rows = gather(distance, centers)
        cluster = rows.argmin(1)
        cluster.scatter_(1, centers, torch.arange(k).expand(z.shape[0], -1))
        total = scatter_sum(torch.zeros(z.shape[0], k, 1), cluster, torch.ones_like(z[..., :1])) + 1e-6
        sums = scatter_sum(torch.zeros(z.shape[0], k, z.shape[2]), cluster, z)
        return torch.cat([x[:, :1], sums / total], 1)


class KMedoids(DPCKNN):
    needs_map = True

    def __init__(self, rounds=3, **settings):
        super().__init__(**settings)
        self.rounds = rounds

    def reads_map(self, index):
        return index + 1 in self.layers

    def inside(self, index, x, found):
        if self.reads_map(index):
            self.weights = found[3].sum((1, 2))[:, 1:]
        return x

    def before(self, index, x):
        if index not in self.layers:
            return x
        z, k = x[:, 1:], self.count(index)
        distance = torch.cdist(z, z)
        medoids = self.weights.topk(k, dim=-1).indices
        cost = self.weights * distance.sum(-1)
        for _ in range(self.rounds):
            cluster = gather(distance, medoids).argmin(1)
            member = cluster[:, None] == torch.arange(k)[None, :, None]
            medoids = torch.where(member, cost[:, None], torch.inf).argmin(-1)
        return torch.cat([x[:, :1], gather(z, medoids)], 1)


class DCT(Method):
    def __init__(self, rate=0.9):
        self.rate, self.mixtures = rate, {}

    def mixture(self, t, k):
        """One matrix [k, t] for the transform, the truncation and the shorter inverse; computed once per length."""
        if (t, k) not in self.mixtures:
            def basis(n):
                matrix = torch.cos(math.pi * (2 * torch.arange(n, dtype=torch.float64) + 1) * torch.arange(n, dtype=torch.float64)[:, None] / (2 * n))
                matrix *= math.sqrt(2 / n)
                matrix[0] /= math.sqrt(2)
                return matrix
            self.mixtures[t, k] = (basis(k).T @ basis(t)[:k]).to(torch.get_default_dtype())
        return self.mixtures[t, k]

    def after(self, index, x, branch):
        t = x.shape[1] - 1
        k = math.ceil(t * self.rate)
        return x if k >= t else torch.cat([x[:, :1], self.mixture(t, k) @ x[:, 1:]], 1)


def methods(width, depth):
    """The methods at the settings of `peers.py --methods`, by lab's names."""
    layers = tuple(depth * part // 4 for part in (1, 2, 3))
    return {
        "evit": EViT(layers=layers), "dynamicvit": DynamicViT(width, layers), "diffrate": DiffRate(), "pitome": PiToMe(depth=depth), "tofu": ToFu(depth=depth),
        "ppt": PPT(layers=layers), "ats": ATS(layers=layers), "dpcknn": DPCKNN(layers=layers), "kmedoids": KMedoids(layers=layers),
        "gtp": GTP(), "mctf": MCTF(), "atc": ATC(layers=layers), "dct": DCT(), "zero_tprune": ZeroTPrune(depth=depth),
        "representation_shift": RepresentationShift()}


def check(goldens: Path) -> bool:
    """Compares the methods with logits computed by the authors' code on a small random model."""
    import timm
    from safetensors.torch import load_file

    weights = goldens / "weights"
    model = timm.models.VisionTransformer(
        img_size=96, patch_size=16, embed_dim=64, depth=6, num_heads=4, num_classes=10).eval()
    model.load_state_dict(load_file(weights / "vit_micro.safetensors"))
    images = load_file(goldens / "images.safetensors")["images"]
    predictors = []
    for index in range(2):
        predictors.append(DynamicViT.predictor(64).eval())
        tensors = load_file(weights / "dynamicvit_micro.safetensors")
        prefix = f"score_predictor.{index}."
        predictors[-1].load_state_dict({key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)})
    prune, merge = (37, 37, 30, 24, 20, 16), (37, 34, 28, 22, 18, 15)
    cases = {
        "evit__l2_4_k0.7_fuse": EViT(0.7, (2, 4)), "dynamicvit__l2_4_r0.7_0.49": DynamicViT(64, (2, 4), 0.7, predictors),
        "diffrate__counts_37_15": DiffRate(counts=list(zip(prune, merge))),
        "pitome__r0.9_m0.75_half": PiToMe(0.9, depth=6), "pitome__r0.83_m0.9": PiToMe(0.83, 0.9, 6, half=False),
        "tofu__r0.75": ToFu(0.75, 6), "ppt__l2_4_r6_tau5e-4_mixed": PPT(6, 5e-4, (2, 4)),
        "gtp__P3_t0.7_a0.2_mixed4": GTP(3, 0.2, 0.7, 4), "mctf__r4_pool_size": MCTF(4),
        "atc__l2_4_c25_17_average": ATC(layers=(2, 4), clusters=(25, 17)), "dct__r0.9": DCT(0.9),
        "dpcknn__l2_4_c20_12_equal": DPCKNN(layers=(2, 4), clusters=(20, 12)),
        "kmedoids__l2_4_c20_12_it3": KMedoids(layers=(2, 4), clusters=(20, 12)),
        "ats__l2_4_s20_14": ATS(layers=(2, 4), samples=(20, 14))}
    good = True
    for case, method in cases.items():
        expected = load_file(goldens / "cases" / f"vit_micro__{case}_b4.safetensors")["logits"]
        with torch.inference_mode():
            difference = (Further(model, method)(images) - expected).abs().max().item()
        print(f"{case:30} largest difference of a logit {difference:.1e}")
        good = good and difference < 1e-4
    return good


if __name__ == "__main__":
    sys.exit(0 if check(Path(__file__).parent.parent / "Tests" / "Fixtures" / "goldens") else 1)
