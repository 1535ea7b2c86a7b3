# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Glossary · English and 中文
#
# The words of the course, in its symbols, with the lesson in which each is met first. Where the field has several Chinese
# words for one thing, the commonest is given.
#
# | English | 中文 | in a few words | lesson |
# |---|---|---|---|
# | multi-task learning | 多任务学习 | training for several tasks at once, so that they share something | 00 |
# | task | 任务 | a question with its own labels, loss and score | 00 |
# | joint feature representation, h | 联合特征表示 | the features that several tasks read their answers off: h = f(x; θ) | 01 |
# | shared features | 共享特征 | features that all tasks use, made by weights that all tasks train | 01 |
# | task-specific features | 任务特定特征 | features that one task has for itself | 04 |
# | trunk, f | 主干网络 | the layers that turn an input into features | 01 |
# | head, g_t | 任务头（输出层） | the layer that turns features into one task's answer | 01 |
# | parameters (weights), θ, φ | 参数（权重） | what training changes: θ in a trunk, φ in a head | 01 |
# | loss, L_t | 损失 | what training makes small: how wrong the answers of task t are | 01 |
# | joint loss, Σ L_t | 联合损失 | the sum of the tasks' losses | 01 |
# | logits | 未归一化得分 | what a head returns, a number a class, before they are made probabilities | 01 |
# | cross-entropy | 交叉熵 | the loss of classes: minus the log of the right one's probability | 01 |
# | hard parameter sharing | 硬参数共享 | one trunk for all tasks, a head for each | 02 |
# | soft parameter sharing | 软参数共享 | a network a task, and a price λ on how far they are apart | 04 |
# | hierarchical sharing | 层次共享 | shared up to some layer, apart from there on | 05 |
# | branch | 分支 | the first layer that a task has for itself | 05 |
# | λ (strength of the pull) | 正则化系数 λ | the price on Σ ‖θ_i − θ_j‖²: 0 is alone, ∞ is equal | 00 |
# | regularisation | 正则化 | a term that makes training prefer some weights, such as small or similar ones | 03 |
# | weight decay, ridge | 权重衰减，岭回归 | a price on the size of the weights: shrinks to 0 | 03 |
# | shrinkage | 收缩 | moving an estimate towards 0, or towards the others, to make it less shaky | 00 |
# | partial pooling | 部分合并 | between a model a task and one for all, by how unlike the tasks are | 03 |
# | pooled | 合并 | one model for all tasks, as if they were one | 00 |
# | orthogonality penalty | 正交约束 | a price on the correlation of shared and private features | 04 |
# | trace norm | 迹范数（核范数） | the sum of the singular values of all tasks' weights: a price on directions | 03, extra |
# | transfer, negative transfer | 迁移，负迁移 | what one task gains, or loses, by another | 02 |
# | task relatedness | 任务相关性 | what tasks have in common: pictures, features, answers | 06 |
# | training, validation, test set | 训练集、验证集、测试集 | to learn from, to choose by, to report on, once | 00 |
# | overfitting | 过拟合 | learning what is true of the training examples alone | 02 |
# | early stopping | 早停 | stopping at the epoch that is best on validation | 02 |
# | learning rate | 学习率 | the length of a step | 00 |
# | epoch | 轮（epoch） | one pass over the training data | 00 |
# | optimiser (SGD, Adam) | 优化器 | the rule that turns a gradient into a step | 04 |
# | exact (proximal) step | 近端步 | solving for the pull's optimum instead of stepping along its gradient | 04 |
# | seed | 随机种子 | the number that decides everything chance decides | 00 |
# | paired comparison | 配对比较 | both sides with the same seed; the difference is what counts | 00 |
# | 95 % interval | 95 % 置信区间 | in 19 of 20 experiments such an interval holds the true mean | 00 |
# | margin | 界限（容忍度） | how small a loss is called none, fixed before looking | 05 |
# | probe | 线性探针 | a linear reader of frozen features: what is available | 01 |
# | lesion | 损毁（消融） | setting units to their mean: what is used | 07 |
# | intervention | 干预 | changing one thing of the input: what an answer hangs on | 07 |
# | similarity of representations (CKA) | 表示相似性 | whether two sets of features put the same pictures near each other | 07, extra |
# | attribution | 归因 | which pixels an answer comes from | 07, extra |
# | task affinity | 任务亲和度 | a cheap score of how well two tasks go together, to be judged by a truth or by measured gains | 09 |
# | task grouping | 任务分组 | which tasks share a trunk: chosen on validation, beside random groups | 09 |
# | Pareto front | 帕累托前沿 | what cannot be better on one task without being worse on another | 06, extra |
# | Δm | 平均相对变化 Δm | the mean relative change of the tasks' scores against a network a task | 06 |
# | frozen layers, transfer of features | 冻结层，特征迁移 | trained layers kept as they are under a network for another task | 05 |
# | conflict of gradients | 梯度冲突 | a cosine below 0 of two tasks' gradients on the weights they share | 08 |
# | weighting | 任务加权 | how the tasks' losses become one: fixed, learnt, or by their gradients | 08 |
# | aggregator | 梯度聚合 | what makes one step of the tasks' gradients: PCGrad, MGDA, UPGrad … | 08 |
# | standardise | 标准化 | labels in standard deviations from training's mean | 08 |
# | low-rank adapter | 低秩适配器 | a common layer corrected for each task by a matrix of rank r | 10 |
# | attention mask | 注意力掩码 | a number from 0 to 1 for each unit, by which a task passes it or not | 10 |
# | mixture of experts, gate | 混合专家，门控 | several trunks, and for each task the parts in which it mixes them | 10 |
# | cross-stitch | 十字绣单元（cross-stitch） | after a layer each task takes a mixture of all tasks' features | 10 |
# | task arithmetic, merging | 任务算术，模型合并 | adding up what networks from one start have learnt, times λ | 10 |
# | hypergradient | 超梯度 | how the loss changes with a setting, such as λ | 10 |
# | self-supervision | 自监督 | a task whose labels need no human: how far was a picture turned? | 11 |
# | contrastive loss | 对比损失 | asks which of many belongs to this one: a picture and its word | 11 |
# | retrieval at k | 前 k 检索率 | how often a thing's partner is among the k nearest | 11 |
# | modality, stem | 模态，输入分支 | a kind of input, and the layers of its own that it passes first | 11 |
# | graph network, message passing | 图网络，消息传递 | each node hears its neighbours' features, then computes its own | 11 |
# | unit of splitting, group | 划分单位，分组 | what stands whole on one side of a split: a voice, a patient, a state | 12 |
# | leak | 数据泄漏 | the test tells what will not be known on the day: by its rows, or by a column written later | 12 |
# | flattery of a random split | 随机划分的高估 | how much better the same test examples come out after training on others of their groups | 12 |
# | log loss | 对数损失 | −log of the chance that was given to what happened | 12, extra |
# | calibration | 校准 | of those who were given a chance of 7 in 10, seven in ten | 12, extra |
# | censoring | 删失 | someone was last seen before it could have happened: no label is known | 12, extra |
# | protocol | 预先写定的方案 | claim, unit, margin and stopping rule, written before the first training | 13 |
# | margin | 界值 | the least gain worth having | 13 |
# | A/A comparison | A/A 对比 | a way with itself: every verdict is a false one | 13 |
# | coverage | 覆盖率 | how often an interval holds the truth | 13 |
# | planted effect | 植入的效应 | a difference that was put there, to see how often it is found | 13 |
# | IoU | 交并比 | what two boxes, or masks, have in common, by what they cover together | 12, extra |
